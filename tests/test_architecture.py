"""The house's rules, read from the source: who may import whom, and what a file may be.

Each rule is a function from a source tree to the lines that break it, so that every rule is also
tried on a small tree which does break it.
"""

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.house import (
    BROAD_EXCEPTS,
    IMPURE,
    LONGEST_FILE,
    MOST_BROAD_EXCEPTS,
    NOT_OURS,
    ROOMS,
    SINGLE_IMPORTERS,
    TEST_FOLDERS,
    TESTED_ELSEWHERE,
)

ROOT = Path(__file__).parents[1]
Rule = Callable[[Path], list[str]]


@dataclass(frozen=True)
class Import:
    file: str
    line: int
    module: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"

    def is_of(self, module: str) -> bool:
        return self.module == module or self.module.startswith(f"{module}.")


def source_files(root: Path, *suffixes: str, of: tuple[str, ...]) -> list[Path]:
    return sorted(
        path
        for top in of
        for path in (root / top).rglob("*")
        if path.suffix in suffixes and NOT_OURS.isdisjoint(path.relative_to(root).parts)
    )


def modules(root: Path) -> list[Path]:
    return source_files(root, ".py", of=("gateway", "signaling", "client"))


def dotted(path: Path) -> str:
    """`gateway/core/__init__.py` -> `gateway.core`."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(root: Path, path: Path) -> Iterator[Import]:
    """Every import at any depth, a name imported from a module as `module.name`."""
    relative = path.relative_to(root)
    package = relative.parent.parts
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        for module in imported_by(node, package):
            assert isinstance(node, ast.stmt | ast.expr)
            yield Import(relative.as_posix(), node.lineno, module)


def imported_by(node: ast.AST, package: tuple[str, ...]) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=module, names=names, level=level):
            origin = [*package[: len(package) + 1 - level]] if level else []
            origin += [module] if module else []
            return [".".join([*origin, alias.name]) for alias in names]
        case ast.Call(
            func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__"),
            args=[ast.Constant(value=str(module)), *_],
        ):
            return [module]
    return []


def room_of(module: str) -> str | None:
    inside = [room for room in ROOMS if module == room or module.startswith(f"{room}.")]
    return max(inside, key=len, default=None)


@cache
def all_imports(root: Path) -> list[Import]:
    return [found for path in modules(root) for found in imports(root, path)]


def reversed_arrows(root: Path) -> list[str]:
    broken = []
    for found in all_imports(root):
        source, target = room_of(dotted(Path(found.file))), room_of(found.module)
        if source is None or (target not in (None, source) and target not in ROOMS[source]):
            broken.append(f"{found}: {source} may not")
    return broken


def files_without_a_room(root: Path) -> list[str]:
    return [
        path.name
        for path in sorted((root / "gateway").glob("*.py"))
        if path.name != "__init__.py" and room_of(f"gateway.{path.stem}") == "gateway"
    ]


def io_in_core(root: Path) -> list[str]:
    return [
        str(found)
        for found in all_imports(root)
        if found.file.startswith("gateway/core/")
        and (
            any(found.is_of(module) for module in IMPURE)
            or found.module.split(".")[0] not in {*sys.stdlib_module_names, "gateway"}
        )
    ]


def strayed_libraries(root: Path) -> list[str]:
    return [
        str(found)
        for found in all_imports(root)
        for library, homes in SINGLE_IMPORTERS.items()
        if found.is_of(library)
        and not any(
            found.file.startswith(home) if home.endswith("/") else found.file == home
            for home in homes
        )
    ]


def long_files(root: Path) -> list[str]:
    tops = ("gateway", "signaling", "client", "examples", "tests", "scripts")
    lengths = {
        path.relative_to(root).as_posix(): len(path.read_bytes().splitlines())
        for path in source_files(root, ".py", ".js", ".mjs", ".jsx", of=tops)
    }
    return [f"{file}: {length} lines" for file, length in lengths.items() if length > LONGEST_FILE]


def modules_without_a_test(root: Path) -> list[str]:
    missing = []
    for path in modules(root):
        relative = path.relative_to(root)
        folder = relative.parent.as_posix()
        for source, tests in TEST_FOLDERS.items():
            if folder == source or folder.startswith(f"{source}/"):
                folder = tests + folder.removeprefix(source)
        test = root / "tests" / folder / f"test_{relative.name}"
        if relative.stem in ("__init__", "__main__") or relative.as_posix() in TESTED_ELSEWHERE:
            continue
        if not test.exists():
            missing.append(f"{relative.as_posix()} wants {test.relative_to(root).as_posix()}")
    return missing


def is_broad(node: ast.AST) -> bool:
    """`except:`, `except (Base)Exception`, alone or among others, and `suppress(Exception)`."""
    match node:
        case ast.ExceptHandler(type=None):
            return True
        case ast.ExceptHandler(type=ast.Tuple(elts=kinds)):
            pass
        case ast.ExceptHandler(type=ast.expr() as kind):
            kinds = [kind]
        case ast.Call(func=ast.Name(id="suppress") | ast.Attribute(attr="suppress"), args=kinds):
            pass
        case _:
            return False
    return any(isinstance(k, ast.Name) and k.id in ("Exception", "BaseException") for k in kinds)


def broad_excepts(root: Path) -> list[str]:
    broken = []
    for path in modules(root):
        file = path.relative_to(root).as_posix()
        lines = [n.lineno for n in ast.walk(ast.parse(path.read_bytes(), str(path))) if is_broad(n)]  # type: ignore[attr-defined]
        if len(lines) != BROAD_EXCEPTS.get(file, 0):
            at = ", ".join(map(str, lines))
            broken.append(f"{file}: {len(lines)} (line {at}), {BROAD_EXCEPTS.get(file, 0)} agreed")
    return broken


RULES: list[Rule] = [
    reversed_arrows,
    files_without_a_room,
    io_in_core,
    strayed_libraries,
    long_files,
    modules_without_a_test,
    broad_excepts,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps(rule: Rule) -> None:
    broken = rule(ROOT)
    assert not broken, "\n  " + "\n  ".join(broken)


def test_few_broad_excepts_are_agreed() -> None:
    assert sum(BROAD_EXCEPTS.values()) <= MOST_BROAD_EXCEPTS


def test_no_agreement_outlives_its_file() -> None:
    named = {*BROAD_EXCEPTS, *TESTED_ELSEWHERE}
    named |= {home for homes in SINGLE_IMPORTERS.values() for home in homes}
    gone = [name for name in sorted(named) if not (ROOT / name).exists()]
    assert not gone


def test_the_walker_sees_the_house() -> None:
    seen = {str(found.module) for found in all_imports(ROOT)}
    assert {"aiortc.RTCCertificate", "gateway.telemetry.redact_text", "re"} <= seen
    assert {room_of(dotted(path.relative_to(ROOT))) for path in modules(ROOT)} == set(ROOMS)


@pytest.mark.parametrize(
    ("rule", "file", "source", "broken"),
    [
        (reversed_arrows, "gateway/session.py", "import signaling.app", "signaling.app"),
        (reversed_arrows, "gateway/core/a.py", "from gateway.media import opus", "media.opus"),
        (reversed_arrows, "gateway/core/a.py", "from ..session import Session", "gateway.session"),
        (reversed_arrows, "gateway/core/__init__.py", "from .. import config", "gateway.config"),
        (reversed_arrows, "gateway/media/a.py", "from gateway import session", "gateway.session"),
        (reversed_arrows, "gateway/agents/a.py", "def f():\n  import gateway.media", ":2 imports"),
        (reversed_arrows, "gateway/realtime/a.py", "import gateway.media.g711", "g711"),
        (reversed_arrows, "gateway/session.py", "import gateway.sessions", "gateway.sessions"),
        (reversed_arrows, "client/python/a.py", "from gateway.core import events", "core.events"),
        (
            reversed_arrows,
            "gateway/sessions.py",
            "import importlib\nimportlib.import_module('signaling.cli')",
            ":2 imports signaling.cli",
        ),
        (files_without_a_room, "gateway/attic.py", "", "attic.py"),
        (io_in_core, "gateway/core/a.py", "from time import monotonic", "time.monotonic"),
        (io_in_core, "gateway/core/a.py", "import asyncio.queues", "asyncio.queues"),
        (io_in_core, "gateway/core/a.py", "import numpy as np", "numpy"),
        (strayed_libraries, "gateway/session.py", "from aiortc import sdp", "aiortc.sdp"),
        (strayed_libraries, "signaling/http.py", "import websockets", "websockets"),
        (strayed_libraries, "gateway/media/webrtc.py", "import pylibsrtp", "pylibsrtp"),
        (strayed_libraries, "signaling/app.py", "if 1:\n  import openai", "openai"),
        (long_files, "client/web/page.js", "\n" * 401, "client/web/page.js: 401 lines"),
        (modules_without_a_test, "gateway/core/a.py", "", "tests/gateway/core/test_a.py"),
        (modules_without_a_test, "client/python/a.py", "", "tests/client/test_a.py"),
        (broad_excepts, "signaling/a.py", "try: 1\nexcept: 2", "1 (line 2)"),
        (broad_excepts, "signaling/a.py", "try: 1\nexcept (OSError, Exception): 2", "1 (line 2)"),
        (broad_excepts, "signaling/a.py", "try: 1\nexcept BaseException: raise", "1 (line 2)"),
        (broad_excepts, "signaling/a.py", "with suppress(Exception): 1", "1 (line 1)"),
    ],
)
def test_a_rule_sees_what_breaks_it(
    tmp_path: Path, rule: Rule, file: str, source: str, broken: str
) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(source)
    (line,) = rule(tmp_path)
    assert broken in line


@pytest.mark.parametrize(
    ("rule", "file", "source"),
    [
        (reversed_arrows, "gateway/session.py", "from gateway.core import events\nimport aiortc"),
        (reversed_arrows, "gateway/core/sdp.py", "from . import rtp\nfrom .rtp import RtpPacket"),
        (reversed_arrows, "signaling/app.py", "import gateway.sessions, client.python"),
        (io_in_core, "gateway/core/a.py", "import urllib.parse, enum\nimport gateway.core.rtp"),
        (io_in_core, "gateway/media/a.py", "import asyncio, numpy"),
        (strayed_libraries, "signaling/app.py", "from signaling.socketio import Door"),
        (strayed_libraries, "client/python/peer.py", "import aiortc"),
        (long_files, "client/web/vendor/a.js", "\n" * 5000),
        (long_files, "gateway/a.py", "pass\n" * 400),
        (broad_excepts, "signaling/a.py", "try: 1\nexcept (OSError, ValueError): 2"),
    ],
)
def test_a_rule_lets_pass_what_keeps_it(tmp_path: Path, rule: Rule, file: str, source: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(source)
    assert rule(tmp_path) == []
