"""A real language model of half a billion parameters, on llama.cpp, through the whole loop. `make test-model` runs it.

So small a model writes no program of its own dependably, and does not know when it is done: it copies a worked program, and would copy it
for ever. That is what is asked of it here. The protocol, the sampler, the tool loop, its limit and the conversion are real, and what comes
of it is checked, not assumed. A machine that does other things reads ten tokens a second: the budgets are for that.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from tests.serving import Served, free_port, serving

PATIENCE_SECONDS = 1800
MODEL = os.environ.get("RECAST_TEST_MODEL", "")
pytestmark = [
    pytest.mark.skipif(not MODEL, reason="needs RECAST_TEST_MODEL, a GGUF file: make test-model"),
    pytest.mark.timeout(PATIENCE_SECONDS),
]

RECIPE = """
version = "1"
title = "Upper case"
description = "A text in capital letters."
kernel = "light"
program = ["upper.py"]
fidelity = "content"
prompt = "Write the text of the file in upper case."
[[converts]]
from = ["text/plain"]
to = ["txt"]
"""
PROGRAM = """import json
from pathlib import Path

text = Path("/mnt/data/input.txt").read_text()
Path("/mnt/data/output.txt").write_text(text.upper())
print(json.dumps({"recast": {"facts": {"characters": len(text)}}}))
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service whose engine asks the model."""
    port = free_port()
    passive = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}  # spinning threads starve the rest
    model = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("serve_gguf.py")), MODEL, str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=passive,
    )
    assert model.stdout is not None
    assert model.stdout.readline() == b"listening\n"
    recipes = tmp_path_factory.mktemp("recipes")
    (recipes / "upper.toml").write_text(RECIPE)
    (recipes / "upper.py").write_text(PROGRAM)
    settings = {
        "model_url": f"http://127.0.0.1:{port}/v1",
        "model_name": "local",
        "model_dialect": "fenced",
        "recipes": str(recipes),
        "model_calls": "2",
        "model_tokens": "600",
        "run_seconds": str(PATIENCE_SECONDS),
    }
    try:
        with serving(tmp_path_factory.mktemp("real"), settings) as running:
            yield running
    finally:
        model.kill()
        model.communicate()


def test_the_tool_loop_with_a_real_sampler(served: Served) -> None:
    """The model is shown a block, answers with it, the engine runs it and hands back what it printed."""
    ai = OpenAI(base_url=f"{served.engine_url}/v1", api_key="none", timeout=PATIENCE_SECONDS, max_retries=0)
    tools: Any = [{"type": "code_interpreter", "container": {"type": "auto"}}]
    response = ai.responses.create(
        model="local",
        input="Answer with exactly this block and nothing else:\n\n```python\nprint(6 * 7)\n```",
        tools=tools,
        include=["code_interpreter_call.outputs"],
        max_tool_calls=1,
        temperature=0,
    )
    calls = [item for item in response.output if item.type == "code_interpreter_call"]
    assert "42" in "".join(output.logs for output in calls[0].outputs or [] if output.type == "logs")
    assert response.usage is not None
    assert response.usage.output_tokens > 0


def test_a_conversion_that_goes_to_the_model(served: Served) -> None:
    """Free words send the program to the model, which hands it back to be run; the file is found, checked and sent."""
    form = {"instructions": "Keep the program exactly as it is. Answer with the whole Python block."}
    with served.client() as client:
        client.timeout = PATIENCE_SECONDS
        answer = client.post("/convert/txt", files={"file": ("note.txt", b"a quiet word")}, data=form)
    assert answer.text == "A QUIET WORD"
    assert answer.headers["Recast-Facts"] == "characters=12"
    assert answer.headers["Recast-Attempt"].startswith("model;n=1")
