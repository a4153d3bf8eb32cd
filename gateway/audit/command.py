"""``talkpath audit``: whether an audit log is whole."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.audit.chain import Head, NotAnEntry, parse_entry
from gateway.audit.log import AuditLogError, read_tail
from gateway.audit.verdict import verify


def main(argv: Sequence[str]) -> int:
    """Exit status 0: all is as it was written; 1: it is not; 2: a file cannot be read."""
    parser = argparse.ArgumentParser(prog="talkpath audit", description="Look at an audit log.")
    commands = parser.add_subparsers(dest="command", required=True)
    verifying = commands.add_parser(
        "verify", help="say where a log was changed", description="Say where a log was changed."
    )
    verifying.add_argument(
        "--head", type=Head.parse, metavar="N:HASH", help="what `talkpath audit head` said once"
    )
    verifying.add_argument("files", type=Path, nargs="+", metavar="FILE", help="in any order")
    heading = commands.add_parser(
        "head", help="print what the log ends with", description="Print what the log ends with."
    )
    heading.add_argument("file", type=Path, metavar="FILE")
    arguments = parser.parse_args(argv)
    try:
        if arguments.command == "head":
            return _head(arguments.file)
        return _verify(arguments.files, arguments.head)
    except (OSError, AuditLogError) as error:
        print(f"talkpath: {error}", file=sys.stderr)
        return 2


def _head(path: Path) -> int:
    print(read_tail(path).head)
    return 0


def _verify(paths: Sequence[Path], known: Head | None) -> int:
    with contextlib.ExitStack() as stack:
        files = [
            (str(path), stack.enter_context(path.open("rb")))
            for path in sorted(paths, key=_first_number)
        ]
        verdict = verify(files, known)
    for line in verdict.remarks + verdict.breaks:
        print(line)
    if verdict.breaks:
        print(f"broken in {len(verdict.breaks)} places; {verdict.entries} entries")
        return 1
    print(f"whole: {verdict.entries} entries, head {verdict.head}")
    return 0


def _first_number(path: Path) -> int:
    """Of the first entry: files are read in the order of their entries."""
    with path.open("rb") as file:
        for line in file:
            with contextlib.suppress(NotAnEntry):
                return int(parse_entry(line.removesuffix(b"\n"))["seq"])
    return -1
