"""What is shipped for running the gateway is what the gateway needs."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from gateway.config import Settings, load_settings
from tests.dockerfile import instructions

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / ".env.example"
SETTING = re.compile(r"# ([A-Z][A-Z0-9_]+)=(.*)")


def words(keyword: str) -> list[list[str]]:
    """Of each such instruction of the Dockerfile."""
    return [step.words for step in instructions(ROOT / "Dockerfile") if step.keyword == keyword]


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_the_example_has_every_setting_once_with_a_line_about_it() -> None:
    lines = EXAMPLE.read_text().splitlines()
    names = [found[1] for line in lines if (found := SETTING.fullmatch(line))]
    assert sorted(names) == sorted(name.upper() for name in Settings.model_fields)
    for about, line in itertools.pairwise(lines):
        if SETTING.fullmatch(line):
            assert re.fullmatch(r"# .+\.", about), line


def test_the_example_with_nothing_changed_changes_nothing(
    no_settings: None, tmp_path: Path
) -> None:
    taken = tmp_path / "all"
    taken.write_text(SETTING.sub(r"\1=\2", EXAMPLE.read_text()))
    assert "\nPORT=8000\n" in taken.read_text()
    assert load_settings(taken).model_dump() == load_settings().model_dump()


def test_the_image_gets_every_package_of_the_wheel() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    admitted = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        source for copy in words("COPY") for source in copy[:-1] if not source.startswith("--")
    }
    assert ignored[1] == "*"
    assert copied - {"/opt/talkpath"} == admitted
    assert all((ROOT / name).exists() for name in admitted)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {package.rstrip("*") for package in packages} < copied
    assert {project["project"]["readme"], *project["project"]["license-files"]} < copied


def test_the_image_is_not_run_as_root() -> None:
    assert words("USER") == [["10001"]]
    users = [run for run in words("RUN") if run[0] == "useradd"]
    assert [run[run.index("--uid") + 1] for run in users] == ["10001"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_unit_is_one_and_is_hardened(tmp_path: Path) -> None:
    unit = tmp_path / "talkpath.service"
    text = (ROOT / "deploy" / "talkpath.service").read_text()
    unit.write_text(text.replace("/opt/talkpath/bin/talkpath", "/bin/true"))
    verified = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=20, check=False
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    secured = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", unit],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert secured.returncode == 0, secured.stdout[-200:]
