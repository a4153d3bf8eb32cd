"""The log: written off the event loop, gone on with after a crash, and never short of an entry."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.audit import log as module
from gateway.audit.actor import GATEWAY, Actor
from gateway.audit.audit import Audit
from gateway.audit.log import AuditLog, AuditLogError, last_kept, read_tail
from gateway.audit.verdict import Verdict, verify
from gateway.core.events import ErrorCode, GatewayError

ANN = Actor("ann", "whip")


@contextlib.asynccontextmanager
async def logging(path: Path, **options: Any) -> AsyncIterator[AuditLog]:
    audit = AuditLog(path, **options)
    audit.start()
    try:
        yield audit
    finally:
        await audit.close()


def verdict(*paths: Path) -> Verdict:
    return verify([(path.name, path.read_bytes().splitlines(keepends=True)) for path in paths])


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines() if line.endswith(b"}")]


def actions(path: Path) -> list[str]:
    return [entry["action"] for entry in entries(path)]


def kept_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("audit-*.jsonl"))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - a thread announces nothing
            await asyncio.sleep(0.001)


@contextlib.contextmanager
def full_disk() -> Iterator[Callable[[], None]]:
    """The disk takes nothing; call it, and it does again. Not even a test runner may write then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def free() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield free
    finally:
        free()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY", 0.001)
    monkeypatch.setattr(module, "CLOSE_TIMEOUT", 0.05)


async def test_what_is_noted_is_on_the_disk_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "kept" / "audit.jsonl"
    async with logging(path, clock=lambda: 1_795_694_400_123_456_789) as audit:
        noting: Audit = audit
        noting.note("session.opened", ANN, "sess_1", agentSet="haiku", long="x" * 1000)
        noting.happened("session.ended", ANN, "sess_1", seconds=1.5)
        await until(lambda: audit.waiting == 0)
        assert audit.head == read_tail(path).head
    began, started, opened, ended, stopped = entries(path)
    assert [began["action"], started["action"], stopped["action"]] == [
        *("log.began", "gateway.started", "gateway.stopped")
    ]
    assert len(bytes.fromhex(began["facts"]["salt"])) == 32
    assert (opened["actor"], opened["door"], opened["session"]) == ("ann", "whip", "sess_1")
    assert opened["facts"] == {"agentSet": "haiku", "long": "x" * 256}
    assert opened["at"] == "2026-11-26T12:00:00.123Z"
    assert ended["facts"] == {"seconds": 1.5}
    assert verdict(path).breaks == []
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_two_logs_have_no_hash_in_common(tmp_path: Path) -> None:
    for name in ("a", "b"):
        async with logging(tmp_path / name, clock=lambda: 0):
            pass
    assert entries(tmp_path / "a")[1]["hash"] != entries(tmp_path / "b")[1]["hash"]


async def test_the_next_start_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    for _ in range(3):
        async with logging(path) as audit:
            audit.note("x", ANN)
    assert actions(path) == ["log.began", *["gateway.started", "x", "gateway.stopped"] * 3]
    assert verdict(path).breaks == []


async def test_a_crash_at_any_byte_is_marked_and_gone_on_from(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    async with logging(path) as audit:
        audit.note("x", ANN)
    whole = path.read_bytes()
    second_last = whole.rindex(b"\n", 0, -1) + 1
    first = whole.index(b"\n") + 1
    for size in [
        0,
        1,
        20,
        first - 1,
        first,
        first + 1,
        second_last,
        second_last + 7,
        len(whole) - 1,
    ]:
        path.write_bytes(whole[:size])
        # A line that lacks its end only is whole.
        torn = size not in (0, first - 1, first, second_last, len(whole) - 1)
        async with logging(path):
            pass
        found = verdict(path)
        assert (found.breaks, len(found.remarks)) == ([], torn), size
    # And a crash while that was marked.
    path.write_bytes(whole[: second_last + 7] + b'\n{"action":"gateway.st')
    async with logging(path):
        pass
    assert verdict(path).breaks == []


async def test_what_was_changed_meanwhile_is_not_made_good(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    async with logging(path) as audit:
        audit.note("x", ANN)
    path.write_bytes(path.read_bytes().replace(b'"ann"', b'"bob"'))
    async with logging(path):
        pass
    assert verdict(path).breaks == ["audit.jsonl:3: entry 2 or the hash of entry 1 was changed"]


async def test_a_full_file_is_kept_and_the_next_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    async with logging(path, rotate_at=2_000) as audit:
        for number in range(40):
            audit.note("x", ANN, n=number)
            await until(lambda: audit.waiting == 0)
    kept = kept_files(tmp_path)
    assert len(kept) > 3
    assert all(file.stat().st_size < 2_400 for file in kept)
    assert last_kept(path) == kept[-1]
    assert verdict(*kept, path).breaks == []
    assert [e["facts"]["n"] for f in [*kept, path] for e in entries(f) if e["action"] == "x"] == [
        *range(40)
    ]
    assert all(actions(file)[0] == "log.continued" for file in [*kept[1:], path])
    # A crash between one file and the next, or in its first line.
    size = len(path.read_bytes())
    for left in (None, 0, 30):
        if left is None:
            path.unlink()
        else:
            os.truncate(path, min(left, size))
        async with logging(path):
            pass
        assert verdict(*kept, path).breaks == [], left


async def test_a_log_has_one_writer(tmp_path: Path) -> None:
    async with logging(tmp_path / "audit.jsonl"):
        with pytest.raises(AuditLogError, match="another gateway writes it"):
            AuditLog(tmp_path / "audit.jsonl").start()


@pytest.mark.parametrize("content", [b"hello\n", b"hello", b"{}\n", b"\n"])
async def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(AuditLogError, match="no audit log"):
        AuditLog(path).start()
    assert path.read_bytes() == content


async def test_nothing_is_lost_while_the_disk_is_full_and_what_is_too_much_is_refused(
    tmp_path: Path, impatient: None
) -> None:
    path = tmp_path / "audit.jsonl"
    with capture_logs() as logged:
        async with logging(path, max_queued=3) as audit:
            with full_disk() as free:
                for number in range(3):
                    audit.note("x", ANN, n=number)
                await until(lambda: audit.is_ill)
                with pytest.raises(GatewayError) as refused:
                    audit.note("x", ANN, n=3)
                assert refused.value.code is ErrorCode.CAPACITY
                audit.happened("session.ended", ANN, "sess_1")
                assert audit.waiting == 4
                free()
            await until(lambda: audit.waiting == 0)
            assert not audit.is_ill
            audit.note("x", ANN, n=4)
    assert [e["facts"].get("n") for e in entries(path)[2:]] == [0, 1, 2, None, 4, None]
    assert verdict(path).breaks == []
    assert [e["event"] for e in logged].count("audit log cannot be written") == 1


async def test_a_stop_does_not_wait_for_a_disk_for_ever(tmp_path: Path, impatient: None) -> None:
    audit = AuditLog(tmp_path / "audit.jsonl")
    audit.start()
    with full_disk(), capture_logs() as logged:
        audit.note("x", ANN)
        await audit.close()
        await audit.close()
    assert {"audit entries are lost: the disk does not take them"} < {e["event"] for e in logged}
    assert verdict(tmp_path / "audit.jsonl").breaks == []


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"exists|directory"):
        AuditLog(tmp_path / "file" / "audit.jsonl").start()
    audit = AuditLog(tmp_path / "audit.jsonl")
    await audit.close()
    assert GATEWAY.name == "gateway"
