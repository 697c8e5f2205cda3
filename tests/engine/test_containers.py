"""Containers and their files: rows 3 to 6, 12, 13 and 17 of the product's table."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from service.engine.containers import ROWS_KEPT
from service.engine.sandbox import Isolation
from tests.engine.conftest import Served
from tests.engine.test_responses import calls, logs, run

MINUTES: Any = {"anchor": "last_active_at", "minutes": 1}


def within(container_id: str) -> dict[str, Any]:
    """A request that runs in this container."""
    return {"tools": [{"type": "code_interpreter", "container": container_id}]}


@pytest.mark.parametrize(("memory_limit", "gibibytes"), [("1g", "1"), ("4g", "2")])
def test_files_have_room_with_the_tier(ai: OpenAI, memory_limit: Any, gibibytes: str) -> None:
    """Files may take half of a tier's memory, and one gibibyte in the smallest."""
    container = ai.containers.create(name="room", memory_limit=memory_limit)
    code = "import resource\nprint(resource.getrlimit(resource.RLIMIT_FSIZE)[0] >> 30)"
    assert logs(run(ai, code, **within(container.id))) == f"{gibibytes}\n"
    ai.containers.delete(container.id)


def test_containers_are_listed_page_by_page(ai: OpenAI) -> None:
    """Row 4: the client pages through all of them, newest first; names filter exactly; auto ones are there too."""
    made = [ai.containers.create(name=f"list-{number % 2}").id for number in range(5)]
    auto = calls(run(ai, "1"))[0].container_id
    assert [each.id for each in ai.containers.list(limit=2)][:6] == [auto, *made[::-1]]
    assert [each.id for each in ai.containers.list(limit=2, order="asc", name="list-0")] == made[0::2]


def test_what_is_paged_through_may_be_deleted(ai: OpenAI) -> None:
    """Deleting each item of a list on the way leaves none out, though the cursor is gone when the next page is asked for."""
    container = ai.containers.create(name="sweep")
    for number in range(5):
        ai.containers.files.create(container.id, file=(f"{number}.txt", b"x"))
    for file in ai.containers.files.list(container.id, limit=2):
        ai.containers.files.delete(file.id, container_id=container.id)
    assert ai.containers.files.list(container.id).data == []
    for _ in range(4):
        ai.containers.create(name="sweep")
    for each in ai.containers.list(limit=2, name="sweep"):
        ai.containers.delete(each.id)
    assert ai.containers.list(name="sweep").data == []


def test_a_container_that_lives_is_never_forgotten(start: Callable[..., Served]) -> None:
    """However many came after it: it can be seen and deleted, and its kernel ends with it."""
    served = start(reserve=0)
    ai = served.client()
    old = ai.containers.create(name="old")

    async def crowd() -> None:
        rows = served.engine.containers._rows
        row = rows.get(old.id)
        assert row is not None
        for number in range(ROWS_KEPT + 1):
            rows.put(f"cntr_{number}", row)
            rows.delete(f"cntr_{number}")

    served.on_loop(crowd())
    served.sweep()
    assert [each.id for each in ai.containers.list()] == [old.id]
    ai.containers.delete(old.id)
    assert served.engine.sandbox.counts().live == 0


def test_an_expired_container_keeps_its_metadata_and_nothing_else(engine: Served, ai: OpenAI) -> None:
    """Row 5: everything but the metadata is refused, and nothing revives it."""
    container = ai.containers.create(name="short", expires_after=MINUTES)
    file = ai.containers.files.create(container.id, file=b"x")
    first = run(ai, "x = 1", **within(container.id))
    engine.ahead_seconds += 61
    for _ in range(2):
        assert ai.containers.retrieve(container.id).status == "expired"
    refused: list[Callable[[], object]] = [
        lambda: run(ai, "1", **within(container.id)),
        lambda: run(ai, "1", previous_response_id=first.id),
        lambda: ai.containers.files.list(container.id),
        lambda: ai.containers.files.content.retrieve(file.id, container_id=container.id),
        lambda: ai.containers.files.create(container.id, file=b"x"),
    ]
    for call in refused:
        with pytest.raises(openai.BadRequestError, match=r"Container is expired\."):
            call()
    assert container.id in [each.id for each in ai.containers.list()]


def test_every_operation_refreshes_a_container(engine: Served, ai: OpenAI) -> None:
    """Row 5: a retrieve, a file operation and a run each give it its whole idle time again."""
    container = ai.containers.create(name="busy", expires_after=MINUTES)
    uses: list[Callable[[], object]] = [
        lambda: ai.containers.retrieve(container.id),
        lambda: ai.containers.files.list(container.id),
        lambda: ai.containers.files.create(container.id, file=b"x"),
        lambda: run(ai, "1", **within(container.id)),
    ]
    for use in uses:
        engine.ahead_seconds += 40
        use()
    engine.ahead_seconds += 40
    assert ai.containers.retrieve(container.id).status == "running"


def test_the_sweep_unlinks_what_has_expired(engine: Served, ai: OpenAI) -> None:
    """Row 17: without any request the kernel of an expired container is ended."""
    ai.containers.create(name="idle", expires_after=MINUTES)
    before = engine.engine.sandbox.counts().live
    engine.ahead_seconds += 61
    engine.sweep()
    assert engine.engine.sandbox.counts().live < before


def test_a_deleted_container_is_gone(ai: OpenAI) -> None:
    """Row 4: the second delete is a 404, and a run in it too."""
    container = ai.containers.create(name="gone")
    ai.containers.delete(container.id)
    for call in (lambda: ai.containers.delete(container.id), lambda: run(ai, "1", **within(container.id))):
        with pytest.raises(openai.NotFoundError):
            call()


def test_container_files_live_their_life(ai: OpenAI) -> None:
    """Row 6: create from bytes and from an upload, list, retrieve, content, delete."""
    container = ai.containers.create(name="files")
    sent = ai.containers.files.create(container.id, file=("ä b.txt", b"sent"))
    upload = ai.files.create(file=("up.txt", b"upload"), purpose="user_data")
    copied = ai.containers.files.create(container.id, file_id=upload.id)
    assert (sent.path, sent.bytes, sent.source) == ("/mnt/data/ä b.txt", 4, "user")
    assert [each.id for each in ai.containers.files.list(container.id, order="asc", limit=1)] == [sent.id, copied.id]
    assert ai.containers.files.retrieve(copied.id, container_id=container.id).path == "/mnt/data/up.txt"
    answer = ai.containers.files.content.with_raw_response.retrieve(sent.id, container_id=container.id)
    assert (answer.content, answer.headers["content-length"]) == (b"sent", "4")
    assert "filename*=UTF-8''%C3%A4%20b.txt" in answer.headers["content-disposition"]
    ai.containers.files.delete(sent.id, container_id=container.id)
    with pytest.raises(openai.NotFoundError, match=f"File {sent.id} not found on container {container.id}."):
        ai.containers.files.content.retrieve(sent.id, container_id=container.id)
    assert logs(run(ai, "import os\nprint(os.listdir())", **within(container.id))) == "['up.txt']\n"


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/b/passwd"])
def test_names_lose_their_paths(engine: Served, ai: OpenAI, name: str) -> None:
    """A path in an upload's name leads nowhere."""
    container = ai.containers.create(name="names")
    url = f"{engine.url}/v1/containers/{container.id}/files"
    assert httpx.post(url, files={"file": (name, b"x")}).json()["path"] == "/mnt/data/passwd"


def test_same_names_get_a_suffix(ai: OpenAI) -> None:
    """Nothing is overwritten by an upload."""
    container = ai.containers.create(name="twice")
    paths = [ai.containers.files.create(container.id, file=("a.txt", content)).path for content in (b"1", b"2")]
    assert len(set(paths)) == 2
    contents = [
        ai.containers.files.content.retrieve(file.id, container_id=container.id).read()
        for file in ai.containers.files.list(container.id, order="asc")
    ]
    assert contents == [b"1", b"2"]


def test_files_of_a_run_are_found_without_missing_any(ai: OpenAI) -> None:
    """Row 7: subfolders, renames and rewrites are found; links, sockets, pipes and folders are not files."""
    code = """
import os, socket
os.makedirs('deep/er'); open('deep/er/a.txt', 'w').write('a')
open('b.txt', 'w').write('b'); os.rename('b.txt', 'c.txt')
open('given.txt', 'a').write('more')
os.symlink('/etc/passwd', 'link'); os.mkfifo('pipe')
socket.socket(socket.AF_UNIX).bind('sock')
"""
    container = ai.containers.create(name="found")
    given = ai.containers.files.create(container.id, file=("given.txt", b"given"))
    response = run(ai, code, **within(container.id))
    files = {file.path: file for file in ai.containers.files.list(container.id)}
    assert set(files) == {"/mnt/data/deep/er/a.txt", "/mnt/data/c.txt", "/mnt/data/given.txt"}
    assert {file.source for file in files.values()} == {"assistant"}
    assert files["/mnt/data/given.txt"].id != given.id
    assert "(sandbox:/mnt/data/deep/er/a.txt)" in response.output_text


def test_ids_of_files_are_stable(ai: OpenAI) -> None:
    """A file that is not written keeps its id over runs and lists."""
    container = ai.containers.create(name="stable")
    run(ai, "open('a.txt', 'w').write('a')", **within(container.id))
    first = [file.id for file in ai.containers.files.list(container.id)]
    run(ai, "print(open('a.txt').read())", **within(container.id))
    assert [file.id for file in ai.containers.files.list(container.id)] == first


def test_a_busy_container_serves_one_call_at_a_time(engine: Served, ai: OpenAI) -> None:
    """Two requests to one container run one after the other, in one Python."""
    container = ai.containers.create(name="busy")
    run(ai, "log = []", **within(container.id))
    code = "import time; log.append('in'); time.sleep(0.3); log.append('out'); print(log)"
    background = run(ai, code, background=True, **within(container.id))
    assert logs(run(ai, code, **within(container.id))).startswith("['in', 'out', 'in', 'out']")
    assert _ended(ai, background.id).status == "completed"


def _ended(ai: OpenAI, identifier: str) -> Any:
    deadline = time.monotonic() + 60
    while (response := ai.responses.retrieve(identifier)).status in ("queued", "in_progress"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return response


def test_packages_are_listed(engine: Served, ai: OpenAI) -> None:
    """Row 12: the data stack is there, with versions, and what is listed can be imported; there is no network."""
    container = ai.containers.create(name="packages")
    listed = httpx.get(f"{engine.url}/v1/containers/{container.id}/packages").json()["data"]
    versions = {package["name"].lower(): package["version"] for package in listed}
    assert {"pandas", "numpy", "matplotlib", "scikit-learn", "pillow", "openpyxl"} <= set(versions)
    code = """
import pandas, socket, subprocess, sys
print(pandas.__version__)
try: socket.create_connection(('1.1.1.1', 53), 2)
except OSError as error: print('no network')
"""
    assert logs(run(ai, code, **within(container.id))) == f"{versions['pandas']}\nno network\n"


def test_the_memory_tier_is_enforced(ai: OpenAI) -> None:
    """Row 4: more than the tier is refused inside the container, which goes on to serve."""
    container = ai.containers.create(name="memory", memory_limit="1g")
    first = logs(run(ai, "kept = 1\nblock = bytearray(1500 * 1024 * 1024)", **within(container.id)))
    assert "MemoryError" in first
    assert logs(run(ai, "print('alive')", **within(container.id))) == "alive\n"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os; os._exit(3)", "Exit3: the kernel ended itself with exit status 3. "),
        ("import os; os.kill(os.getpid(), 11)", "SIGSEGV: the kernel died of the signal SIGSEGV. "),
        ("while True: print('x' * 1_000_000)", "Killed: the kernel was killed: it wrote more than 67108864 bytes of "),
    ],
)
def test_the_end_of_a_kernel_is_named(ai: OpenAI, code: str, said: str) -> None:
    """As Python names an exception, on the last line of the logs, with what became of the session."""
    last = logs(run(ai, code)).splitlines()[-1]
    assert last.startswith(said)
    assert last.endswith("A fresh Python was started: variables are lost, files in /mnt/data are kept.")


def test_a_long_call_is_interrupted_and_the_container_survives(start: Callable[..., Served]) -> None:
    """Row 13: at the end of its time a call gets KeyboardInterrupt; variables stay."""
    ai = start(call_seconds=1).client()
    first = run(ai, "kept = 7\nimport time\ntime.sleep(60)")
    assert "KeyboardInterrupt" in logs(first)
    assert logs(first).splitlines()[-1].startswith("TimeoutError: the call was interrupted, its time budget of 1 s is")
    assert logs(run(ai, "print(kept)", previous_response_id=first.id)) == "7\n"


def test_a_call_that_ignores_the_interrupt_is_killed(start: Callable[..., Served]) -> None:
    """Row 13: what does not yield is killed; files stay, a fresh Python serves on."""
    ai = start(call_seconds=1).client()
    code = """
import time
open('kept.txt', 'w').write('kept')
while True:
    try: time.sleep(60)
    except BaseException: pass
"""
    first = run(ai, code)
    assert logs(first).startswith(
        "Killed: the kernel was killed: it did not stop 2 seconds after its budget of 1 was spent."
    )
    assert logs(run(ai, "print(open('kept.txt').read())", previous_response_id=first.id)) == "kept\n"


def test_overcommit_grants_every_tier(start: Callable[..., Served]) -> None:
    """Row 4: the setting lets a small machine try."""
    ai = start(memory_overcommit=True).client()
    assert ai.containers.create(name="large", memory_limit="64g").memory_limit == "64g"


def test_files_of_the_large_tiers_are_on_disk(start: Callable[..., Served]) -> None:
    """Those of the small ones are not: with namespaces each of them has a file system of its own."""
    served = start(memory_overcommit=True)
    if served.engine.sandbox.isolation is not Isolation.NAMESPACES:
        pytest.skip("files of every tier are on disk here")
    ai = served.client()
    code = """
import os, resource
files = os.statvfs('/mnt/data')
print(files.f_blocks * files.f_frsize == resource.getrlimit(resource.RLIMIT_FSIZE)[0])
"""
    made = [ai.containers.create(name="room", memory_limit=tier) for tier in ("4g", "16g", "64g")]
    assert [logs(run(ai, code, **within(each.id))) for each in made] == ["True\n", "False\n", "False\n"]
