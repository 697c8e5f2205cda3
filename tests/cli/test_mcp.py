"""`recast mcp` with the official client, as an assistant uses it."""

import json
import os
import sys
from pathlib import Path

import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import TextContent

from tests.serving import Served

SAMPLES = Path(__file__).parents[2] / "recipes" / "samples"
pytestmark = pytest.mark.anyio


async def _called(service: Served, tool: str, arguments: dict[str, object]) -> tuple[bool, str]:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "service", "mcp", "--url", service.url],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        await session.initialize()
        assert {each.name for each in (await session.list_tools()).tools} == {"list_formats", "convert_file"}
        result = await session.call_tool(tool, arguments)
    assert all(isinstance(part, TextContent) for part in result.content)
    return bool(result.is_error), "\n".join(part.text for part in result.content if isinstance(part, TextContent))


async def test_an_assistant_learns_what_an_input_becomes(service: Served) -> None:
    """With the fidelity and the options of each."""
    failed, text = await _called(service, "list_formats", {"of": "csv"})
    assert not failed
    assert '"xlsx"' in text


async def test_an_assistant_converts_a_file(service: Served, tmp_path: Path) -> None:
    """The result is beside the input, unless a place is named."""
    source = tmp_path / "table.csv"
    source.write_bytes((SAMPLES / "table.csv").read_bytes())
    failed, text = await _called(service, "convert_file", {"path": str(source), "to": "json"})
    assert not failed, text
    assert json.loads(text)["output"] == str(tmp_path / "table.json")
    assert len(json.loads((tmp_path / "table.json").read_text("utf-8"))) == 4


@pytest.mark.parametrize(("name", "to"), [("missing.csv", "json"), ("table.csv", "mp4"), ("table.csv", "csv")])
async def test_a_refusal_is_an_error_with_a_sentence(service: Served, tmp_path: Path, name: str, to: str) -> None:
    """Which the assistant can act on."""
    (tmp_path / "table.csv").write_bytes(b"a\n1\n")
    failed, text = await _called(service, "convert_file", {"path": str(tmp_path / name), "to": to})
    assert failed
    assert text
