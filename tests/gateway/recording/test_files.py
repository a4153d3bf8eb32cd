"""Files that grow: all of a write or nothing, one writer, and nothing torn when read."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.recording import files
from gateway.recording.files import (
    AppendFile,
    LineFile,
    Locked,
    is_locked,
    read_lines,
    replace_json,
)


@contextlib.contextmanager
def small_files() -> Iterator[None]:
    """Not even the test runner may write more meanwhile."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_does_not_fit_is_not_there_at_all(tmp_path: Path) -> None:
    with small_files():
        file = AppendFile(tmp_path / "x")
        file.append(b"a" * 900)
        with pytest.raises(OSError, match="File too large") as refused:
            file.append(b"b" * 200)
        file.append(b"c" * 100)
        file.close()
    assert refused.value.errno == errno.EFBIG
    assert (tmp_path / "x").read_bytes() == b"a" * 900 + b"c" * 100


def test_a_file_has_one_writer_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    assert not is_locked(path)
    file = AppendFile(path)
    assert is_locked(path)
    with pytest.raises(Locked):
        AppendFile(path)
    file.close()
    file.close()
    assert not is_locked(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        AppendFile(tmp_path / "link")


def test_lines_are_read_up_to_where_they_are_whole(tmp_path: Path) -> None:
    lines = LineFile(tmp_path / "x")
    lines.append([{"a": "ü"}, [1]])
    lines.append([2])
    lines.close()
    with (tmp_path / "x").open("ab") as file:
        file.write(b'broken\n3\n{"torn":')
    assert list(read_lines(tmp_path / "x")) == [{"a": "ü"}, [1], 2, 3]


def test_whatever_a_tool_tells_becomes_a_line(tmp_path: Path) -> None:
    lines = LineFile(tmp_path / "x")
    lines.append([{"half": "a\ud800b", "set": {1}, ("no", "key"): 1, "n": float("inf")}])
    itself: list[object] = []
    itself.append(itself)
    with pytest.raises(ValueError, match="Circular"):
        lines.append([1, itself])
    lines.append([2])
    lines.close()
    first, second = read_lines(tmp_path / "x")
    assert first["half"] == "a\ud800b"
    assert first["set"] == "{1}"
    assert second == 2


def test_a_file_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.json"
    replace_json(path, {"a": 1})
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match="full"):
        replace_json(path, {"a": 2})
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["x.json"]
