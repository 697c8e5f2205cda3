"""Many containers at once: each sees its own variables and files only."""

import asyncio
from typing import Any

import pytest
from openai import AsyncOpenAI

from tests.engine.conftest import Served

AT_ONCE = 16


async def _one(ai: AsyncOpenAI, number: int, gate: asyncio.Semaphore) -> tuple[str, str]:
    tools: Any = [{"type": "code_interpreter", "container": {"type": "auto"}}]
    async with gate:
        first = await ai.responses.create(
            model="program", tools=tools, input=f"```python\nme = {number}\nopen('me.txt', 'w').write(str(me))\n```"
        )
    async with gate:
        second = await ai.responses.create(
            model="program",
            tools=tools,
            include=["code_interpreter_call.outputs"],
            previous_response_id=first.id,
            input="```python\nimport os\nprint(me, open('me.txt').read(), os.listdir())\n```",
        )
    call: Any = second.output[0]
    return call.container_id, call.outputs[0].logs


@pytest.mark.parametrize("crowd", [200])
def test_a_crowd_without_cross_talk(engine: Served, crowd: int) -> None:
    """All live at the same time, each is asked twice, none sees another."""

    async def everyone() -> list[tuple[str, str]]:
        gate = asyncio.Semaphore(AT_ONCE)
        async with AsyncOpenAI(base_url=f"{engine.url}/v1", api_key="test", max_retries=0, timeout=300) as ai:
            return await asyncio.gather(*(_one(ai, number, gate) for number in range(crowd)))

    answers = asyncio.run(everyone())
    assert len({container for container, _ in answers}) == crowd
    assert [logs for _, logs in answers] == [f"{number} {number} ['me.txt']\n" for number in range(crowd)]
    assert engine.engine.sandbox.counts().live >= crowd
