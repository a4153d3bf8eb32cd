"""scripts/serve and its environment, with interpreters that only pretend: nothing is downloaded."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOLS = ("bash", "cat", "cksum", "dirname", "mkdir", "chmod", "cp", "rm", "tail", "tee")

# Stands in for a system's python3: says its version, makes a "virtual environment" whose python
# logs what it is asked to install and writes the talkpath command.
PYTHON = """#!/bin/bash
case "$*" in
    *version_info*) exit {too_old} ;;
    *ensurepip*) exit {without_venv} ;;
    -V) echo "Python pretended" ;;
    "-m venv "*)
        place=${{!#}}
        if [ "$3" = --clear ]; then rm -r "$place"; fi
        mkdir -p "$place/bin" && : >"$place/pyvenv.cfg" && cp "{venv_python}" "$place/bin/python"
        ;;
    *) exit 9 ;;
esac
"""
VENV_PYTHON = """#!/bin/bash
here=$(dirname "$0")
case "$*" in
    "-m pip --version") ;;
    "-m pip install"*)
        echo "installed ${{!#}}" >>"{log}"
        echo "Collecting something"
        printf '#!/bin/bash\\nprintf "<%%s>" "$PWD" "$@"\\n' >"$here/talkpath"
        chmod +x "$here/talkpath"
        exit {pip_status}
        ;;
esac
"""


class Machine:
    """A copy of the scripts in a project of their own, and a PATH with nothing else on it."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        self.path = folder / "bin"
        self.project = folder / "a project"
        self.path.mkdir()
        (self.project / "scripts").mkdir(parents=True)
        for name in ("serve", "venv.sh"):
            shutil.copy(ROOT / "scripts" / name, self.project / "scripts")
        (self.project / "pyproject.toml").write_text("first")
        for tool in TOOLS:
            (self.path / tool).symlink_to(shutil.which(tool) or tool)
        self._write("venv-python", VENV_PYTHON.format(log=self.log, pip_status=0))

    def add_python(self, *, too_old: bool = False, without_venv: bool = False) -> None:
        venv_python = self.path / "venv-python"
        text = PYTHON.format(
            too_old=int(too_old), without_venv=int(without_venv), venv_python=venv_python
        )
        self._write("python3", text)

    def break_pip(self) -> None:
        self._write("venv-python", VENV_PYTHON.format(log=self.log, pip_status=1))

    def installed(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def serve(self, *args: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.project / "scripts" / "serve", *args],
            cwd=cwd,
            env={"PATH": str(self.path), **env},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )

    def _write(self, name: str, text: str) -> None:
        (self.path / name).write_text(text)
        (self.path / name).chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_serve_installs_once_and_passes_its_flags_on(machine: Machine, tmp_path: Path) -> None:
    machine.add_python()

    for _ in range(2):
        result = machine.serve("--port", "1 2", cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert result.stdout == f"<{tmp_path}><serve><--port><1 2>"

    assert machine.installed() == [f"installed {machine.project}[local]"]
    assert result.stderr == ""


def test_serve_installs_again_for_a_changed_project(machine: Machine, tmp_path: Path) -> None:
    machine.add_python()
    machine.serve(cwd=tmp_path)
    (machine.project / "pyproject.toml").write_text("second")
    machine.serve(cwd=tmp_path)
    assert len(machine.installed()) == 2


def test_serve_makes_the_environment_anew_when_its_python_is_gone(
    machine: Machine, tmp_path: Path
) -> None:
    machine.add_python()
    machine.serve(cwd=tmp_path)
    (machine.project / ".venv" / "bin" / "python").unlink()
    old = machine.project / ".venv" / "of the old python"
    old.touch()
    assert machine.serve(cwd=tmp_path).returncode == 0
    assert len(machine.installed()) == 2
    assert not old.exists()


def test_a_folder_that_is_no_environment_is_not_emptied(machine: Machine, tmp_path: Path) -> None:
    machine.add_python()
    letter = tmp_path / "home" / "letter"
    letter.parent.mkdir()
    letter.touch()
    machine.serve(cwd=tmp_path, TALKPATH_VENV=str(letter.parent))
    assert letter.exists()


def test_the_environment_may_be_elsewhere(machine: Machine, tmp_path: Path) -> None:
    machine.add_python()
    elsewhere = tmp_path / "elsewhere"
    others = tmp_path / "others"
    result = machine.serve(cwd=tmp_path, TALKPATH_VENV=str(elsewhere), VIRTUAL_ENV=str(others))
    assert result.returncode == 0, result.stderr
    assert (elsewhere / "bin" / "talkpath").exists()
    assert not (machine.project / ".venv").exists()
    assert not others.exists()


@pytest.mark.parametrize(
    ("python", "message"),
    [
        (None, "Python 3.11 or newer is needed; python3 here: none"),
        ({"too_old": True}, "Python 3.11 or newer is needed; python3 here: Python pretended"),
        ({"without_venv": True}, "apt install python3-venv"),
    ],
)
def test_serve_says_what_the_machine_lacks(
    machine: Machine, tmp_path: Path, python: dict[str, bool] | None, message: str
) -> None:
    if python is not None:
        machine.add_python(**python)
    result = machine.serve(cwd=tmp_path)
    assert result.returncode != 0
    assert message in result.stderr
    assert machine.installed() == []


def test_a_failed_installation_is_told_and_tried_again(machine: Machine, tmp_path: Path) -> None:
    machine.add_python()
    machine.break_pip()
    for _ in range(2):
        result = machine.serve(cwd=tmp_path)
        assert result.returncode != 0
        assert "Collecting something" in result.stderr
        assert "the installation failed" in result.stderr
    assert len(machine.installed()) == 2


@pytest.mark.parametrize("script", ["scripts/serve", "scripts/test", ".ci/run"])
def test_the_commands_can_be_run(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
