"""Recast: POST a file, get it back in another format.

The code has two halves that meet only at the OpenAI wire API, so that the engine and the hosted vendor are the same to a conversion:

- ``service.conversion``: HTTP in, OpenAI wire out. A request's media type is identified, a recipe chosen, its prompt run in a
  fresh container, the cited file checked and streamed back.
- ``service.engine``: OpenAI wire in, kernels out. A self-hosted Code Interpreter: responses, containers, files, and the sandbox
  whose kernels are forked from warm zygotes.

Beside them: ``settings`` (the environment, read once), ``spool`` (request bodies to disk), ``access`` (keys and rate limits),
``telemetry`` (logs, metrics, traces) and ``__main__`` (the ``recast`` command), the only place that knows both halves.
"""
