"""A container's files as the engine reaches them, while the container goes."""

import os
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from service.engine.sandbox.contract import FileRefused
from service.engine.sandbox.directory import Directory, unlink_tree


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one file."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("mine")
    return tmp_path / "mine"


@pytest.fixture
def directory(folder: Path) -> Iterator[Directory]:
    """The same as a container's."""
    made = Directory(os.open(folder, os.O_RDONLY | os.O_DIRECTORY), None, 10)
    yield made
    made.close()


def test_what_was_begun_ends_in_its_own_directory(directory: Directory, tmp_path: Path) -> None:
    """A container is deleted while a thread works on its files, and the number of its descriptor goes to another's."""
    number = directory._fd
    with directory._held() as held:
        directory.close()
        other = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
        os.dup2(other, number)
        assert os.listdir(held) == ["a.txt"]  # noqa: PTH208 - a descriptor, not a path
    for descriptor in {other, number}:
        os.close(descriptor)


@pytest.mark.anyio
async def test_a_closed_directory_refuses(directory: Directory, folder: Path) -> None:
    """Whatever comes after the end of a container finds no file and makes none."""
    directory.close()
    assert await directory.scan() == []
    with pytest.raises(FileRefused):
        directory.open("a.txt")
    with pytest.raises(FileRefused):
        await directory.put("b.txt", folder / "a.txt")
    with pytest.raises(FileRefused):
        await directory.remove("a.txt")
    assert [path.name async for path in anyio.Path(folder).iterdir()] == ["a.txt"]


@pytest.mark.anyio
async def test_an_upload_that_is_gone_is_refused(directory: Directory, folder: Path) -> None:
    """It may be deleted between the look at its row and the copy."""
    with pytest.raises(FileRefused, match="No such file"):
        await directory.put("b.txt", folder / "gone")
    assert [entry.path for entry in await directory.scan()] == ["a.txt"]


def test_a_link_in_a_folders_place_is_not_emptied(folder: Path, tmp_path: Path) -> None:
    """A container's process that still runs may put one there while its files are removed."""
    (tmp_path / "link").symlink_to(folder)
    folder.chmod(0o750)
    with pytest.raises(NotADirectoryError):
        unlink_tree(tmp_path / "link")
    assert [path.name for path in folder.iterdir()] == ["a.txt"]
    assert folder.stat().st_mode & 0o777 == 0o750
    unlink_tree(folder)
    assert not folder.exists()
