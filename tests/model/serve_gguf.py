"""Serve a GGUF file with llama.cpp's own server (package xllamacpp) on loopback: python serve_gguf.py FILE PORT."""

import signal
import sys

import xllamacpp

parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.hostnames = ["127.0.0.1"]
parameters.port = int(sys.argv[2])
parameters.n_ctx = 8192
parameters.n_parallel = 1
parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 2
parameters.use_jinja = True
server = xllamacpp.Server(parameters)
print("listening", flush=True)  # noqa: T201 - whoever started it waits for this line
signal.pause()
