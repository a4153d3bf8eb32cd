"""The Dockerfile's steps, run as they are written, but for what needs an engine.

Not done: ``FROM`` is not pulled, this machine's userland and Python take the place of
``python:…-slim``; ``EXPOSE`` opens nothing; what ``RUN pip install`` downloads lies in a folder
already. All else is: ``COPY`` through .dockerignore, ``RUN`` as root in a root of its own without a
network, and then what ``docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt
no-new-privileges`` starts.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests import container
from tests.container import BASE_PATH, Root
from tests.dockerfile import Context, Instruction, Stage, instructions, stages

ROOT = Path(__file__).parents[1]
STAGES = stages(ROOT / "Dockerfile")
VOLUME = "/var/lib/talkpath"
START_PERIOD = 20.0
NICENESS = 10
"""Of all that computes: other tests look at the clock."""
SETTINGS = {
    "AUTH_SECRET": "a secret of thirty-two characters",
    "RECORD_DIR": f"{VOLUME}/recordings",
}
COMMAND = json.loads(STAGES[-1].last("CMD"))
HEALTH = json.loads(STAGES[-1].last("HEALTHCHECK").partition("CMD")[2])

# Half a gigabyte is installed, beside all that other tests do.
pytestmark = pytest.mark.timeout(300)
needs_namespaces = pytest.mark.skipif(
    not container.can_be_made(), reason="only root, with namespaces, can play a container engine"
)


@dataclass
class Image:
    """What a stage came to."""

    root: Root
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": BASE_PATH})
    user: str = "root"
    cwd: str = "/"

    def follow(self, step: Instruction, built: dict[str, Image], context: Context) -> None:
        """Do one step.

        :raises KeyError: there is no knowing what it means.
        """
        match step.keyword:
            case "WORKDIR":
                self.cwd = step.text
                self.root.inside(self.cwd).mkdir(parents=True, exist_ok=True)
            case "USER":
                self.user = step.text
            case "ENV":
                for word in step.words:
                    name, _, value = word.partition("=")
                    self.environment[name] = value.replace("$PATH", self.environment["PATH"])
            case "COPY":
                self._copy(step.words, built, context)
            case "RUN":
                self._run(step.text)
            case "EXPOSE" | "VOLUME" | "HEALTHCHECK" | "STOPSIGNAL" | "ENTRYPOINT" | "CMD":
                pass  # They say how it is run.
            case _:
                raise KeyError(step.keyword)

    def _copy(self, words: list[str], built: dict[str, Image], context: Context) -> None:
        *sources, target = words
        there = self.root.inside(Path(self.cwd, target))
        if sources[0].startswith("--from="):
            name, source = sources[0].removeprefix("--from="), sources[1]
            there.parent.mkdir(parents=True, exist_ok=True)
            # Half a gigabyte: the stage that it is taken from is not needed any more.
            built[name].root.inside(source).rename(there)
            return
        for source in sources:
            for path in context.files(source):
                inside = Path(path).relative_to(source)
                copy = there / inside if (ROOT / source).is_dir() else there / path
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / path, copy)

    def _run(self, command: str) -> None:
        environment = {**self.environment, "HOME": "/root", **PIP}
        done = self.root.run(
            ["/bin/sh", "-c", command],
            environment,
            cwd=self.cwd,
            user=self.user,
            niceness=NICENESS,
            timeout=200,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}"


WHEELS = "/wheels"
PIP = {"PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": WHEELS}


def download(stage: Stage, source: Path, wheels: Path) -> None:
    """What a stage will install, and what builds it; from pip's own cache if it can."""
    (install,) = (s for s in stage.steps if s.keyword == "RUN" and "pip install" in s.text)
    (wanted,) = (word for word in install.words if word.startswith("/src"))
    python = ["nice", "-n", str(NICENESS), sys.executable]
    command = [*python, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    pip = [*command, "--only-binary", ":all:", "--dest", str(wheels)]
    done = subprocess.run(
        [*pip, wanted.replace("/src", str(source)), "setuptools>=77"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    folder = tmp_path_factory.mktemp("image")
    try:
        yield build(folder)
    finally:
        shutil.rmtree(folder)


def build(folder: Path) -> Image:
    """``docker build``: what the last stage came to."""
    context, built = Context(ROOT), dict[str, Image]()
    for number, stage in enumerate(STAGES):
        made = built[stage.name] = Image(Root(folder / f"stage{number}"))
        for step in stage.steps:
            if step.keyword == "RUN" and "pip install" in step.text:
                # Beside the sources: a build leaves files among them.
                shutil.copytree(made.root.inside("/src"), folder / "sources")
                download(stage, folder / "sources", made.root.inside(WHEELS))
            made.follow(step, built, context)
    return made


def run(image: Image, *arguments: str, volume: Path, **settings: str) -> subprocess.Popen[str]:
    """``docker run``; the volume has what the image has there, as a new one does."""
    there = image.root.inside(VOLUME)
    owner = there.stat()
    volume.mkdir(mode=stat.S_IMODE(owner.st_mode))
    os.chown(volume, owner.st_uid, owner.st_gid)
    return image.root.start(
        [*json.loads(STAGES[-1].last("ENTRYPOINT")), *arguments],
        {**image.environment, **settings},
        cwd=image.cwd,
        user=image.user,
        volumes={VOLUME: volume},
        read_only=True,
    )


def check(image: Image, pid: int) -> container.Result:
    """The health check, which sees the settings of the container."""
    return image.root.enter(pid, HEALTH, {**image.environment, **SETTINGS}, image.user)


def test_every_file_of_a_package_is_copied_and_no_other() -> None:
    context = Context(ROOT)
    sources = [
        source
        for step in STAGES[0].steps
        if step.keyword == "COPY"
        for source in step.words[:-1]
        if not source.startswith("--")
    ]
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *sources],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("this is no checkout")
    ours = {name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()}
    assert {path for source in sources for path in context.files(source)} == ours
    assert not context.admits("client/web/node_modules/ws/index.js")
    assert not context.admits("gateway/core/__pycache__/rtp.cpython-313.pyc")
    assert not any(context.admits(name) for name in (".env", ".git/config", "tests/net.py"))


def test_both_stages_are_of_one_python_that_the_package_takes() -> None:
    assert [stage.image for stage in STAGES] == ["python:${PYTHON}-slim"] * 2
    (python,) = (s.words[0] for s in instructions(ROOT / "Dockerfile") if s.keyword == "ARG")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    oldest = project["requires-python"].removeprefix(">=")
    assert [*map(int, python.removeprefix("PYTHON=").split("."))] >= [*map(int, oldest.split("."))]


@needs_namespaces
def test_it_holds_the_package_and_nothing_to_install_more_with(image: Image) -> None:
    files = image.root.inside("/opt/talkpath")
    assert not list(files.glob("bin/pip*"))
    assert not image.root.inside("/src").exists()
    size = sum(path.lstat().st_size for path in files.rglob("*"))
    assert size < 600e6, "docs/deploy.md says 500 MB"
    done = image.root.run(["talkpath", "--help"], image.environment, user=image.user)
    assert done.returncode == 0, done.stdout


@needs_namespaces
def test_it_does_not_serve_everybody_unless_told(image: Image, tmp_path: Path) -> None:
    process = run(image, *COMMAND, volume=tmp_path / "volume")
    output, _ = process.communicate(timeout=START_PERIOD)
    assert process.returncode != 0
    assert "AUTH_SECRET" in output


@needs_namespaces
def test_it_serves_as_nobody_in_particular_is_healthy_and_stops_when_told(
    image: Image, tmp_path: Path
) -> None:
    volume = tmp_path / "volume"
    process = run(image, *COMMAND, volume=volume, **SETTINGS)
    try:
        deadline = time.monotonic() + START_PERIOD
        checks = [check(image, process.pid)]
        while checks[-1].returncode != 0 and time.monotonic() < deadline:
            time.sleep(0.2)
            checks.append(check(image, process.pid))
        assert process.poll() is None, process.communicate()[0]
        assert checks[-1].returncode == 0, checks[-1].stderr
        assert checks[0].returncode != 0, "nobody listens yet"
        status = dict(
            line.split(":\t", 1)
            for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
        )
        uid, gid = image.root.user(image.user)
        assert status["Uid"].split() == [str(uid)] * 4
        assert status["Gid"].split() == [str(gid)] * 4
        assert uid != 0 != gid
        assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
        assert status["NoNewPrivs"] == "1"
        assert (volume / "recordings").stat().st_uid == uid
        places = [f"{place}/new" for place in ("", "/opt/talkpath", "/etc", "/usr", "/root")]
        touched = image.root.enter(process.pid, ["touch", *places], image.environment, "root")
        assert touched.stderr.count("Read-only file system") == len(places), "even to root"
    finally:
        process.send_signal(getattr(signal, STAGES[-1].last("STOPSIGNAL")))
        try:
            output, _ = process.communicate(timeout=15)
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 0, output
    assert "Talkpath ready on http://0.0.0.0:8000" in output
    alone = image.root.run(HEALTH, {**image.environment, **SETTINGS}, user=image.user)
    assert alone.returncode == 1, "no gateway answers"
