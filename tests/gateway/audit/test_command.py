"""``talkpath audit``."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.audit.chain import head_of, parse_entry
from gateway.audit.command import main
from tests.gateway.audit.entries import going_on, log_of


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """A log of two files, the second one first."""
    lines = log_of(5)
    second, _ = going_on(head_of(parse_entry(lines[-1][:-1])))
    (tmp_path / "audit-000000000004.jsonl").write_bytes(b"".join(lines))
    (tmp_path / "audit.jsonl").write_bytes(b"".join(second))
    return [str(tmp_path / "audit.jsonl"), str(tmp_path / "audit-000000000004.jsonl")]


def test_a_whole_log(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["head", files[0]]) == 0
    head = capsys.readouterr().out.strip()
    assert head.startswith("6:")
    assert main(["verify", "--head", head, *files]) == 0
    assert capsys.readouterr().out == f"whole: 7 entries, head {head}\n"


def test_a_broken_one(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(files[1])
    path.write_bytes(path.read_bytes().replace(b'"n":3', b'"n":8'))
    assert main(["verify", *files]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{path}:4: entry 3 or the hash of entry 2 was changed",
        "broken in 1 places; 7 entries",
    ]


@pytest.mark.parametrize("command", [["head"], ["verify"]])
def test_a_file_that_is_not_there(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, str(tmp_path / "none")]) == 2
    assert "No such file" in capsys.readouterr().err


def test_an_empty_log_and_a_foreign_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x").write_text("hello\n")
    assert main(["verify", str(tmp_path / "x")]) == 1
    assert main(["head", str(tmp_path / "x")]) == 2
    with pytest.raises(SystemExit):
        main(["verify", "--head", "nonsense", str(tmp_path / "x")])
    assert "N:HASH" in capsys.readouterr().err
