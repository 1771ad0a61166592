"""What all tests share: hypothesis set so that a run can be repeated, and the local cloud, through the real CLI."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from hypothesis import HealthCheck, settings

from pipeline import waiting

pytest.register_assert_rewrite("tests.projector.handler.world", "tests.projector.projection.laptop")  # they assert too

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "pipeline"]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell leaves it to what runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(  # no clock decides: neither over a deadline, nor over what counts as slow
    "repeatable",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")


def wait_until(holds: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    """Wait for a condition, and say what it was if it does not come. Returns what the condition returned."""
    try:
        return waiting.eventually(holds, seconds, every=0.02)
    except TimeoutError:
        raise AssertionError(f"still waiting after {seconds} s: {what}") from None


@pytest.fixture(scope="session")
def eventually() -> Callable[..., Any]:
    return wait_until


@dataclass(frozen=True)
class Inventory:
    """The command line, as a person would use it who keeps the local cloud in a folder of their own."""

    state_dir: Path

    @property
    def env(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "INVENTORY_"))}
        return clean | {"INVENTORY_STATE_DIR": str(self.state_dir)}

    def run(self, *arguments: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        command = [*COMMAND, *map(str, arguments)]
        return subprocess.run(command, env=self.env, cwd=cwd, capture_output=True, text=True, timeout=120)

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        command = [*COMMAND, *map(str, arguments)]
        return subprocess.Popen(
            command, env=self.env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def json(self, *arguments: object, status: int = 0) -> Any:
        """Run a verb with `--json` and return its one document; the exit status is what was expected."""
        done = self.run(*arguments, "--json")
        assert done.returncode == status, f"{done.args} ended as {done.returncode}:\n{done.stderr}"
        return json.loads(done.stdout)

    def process(self, name: str) -> psutil.Process:
        """Return one of the two background processes: `emulator` or `pipes`."""
        return psutil.Process(json.loads((self.state_dir / f"{name}.json").read_text())["pid"])

    def family(self) -> list[psutil.Process]:
        """Return every process of this local cloud."""
        found = []
        for name in ("emulator", "pipes"):
            head = self.process(name)
            found += [head, *head.children(recursive=True)]
        return found

    def leftovers(self) -> list[psutil.Process]:
        """Return whatever still runs that was given this state folder."""
        return [process for process in psutil.process_iter() if _mentions(process, str(self.state_dir))]


def _mentions(process: psutil.Process, folder: str) -> bool:
    try:
        said = [*process.cmdline(), process.environ().get("TMPDIR", "")]
        return process.status() != psutil.STATUS_ZOMBIE and any(folder in text for text in said)
    except psutil.Error:
        return False


@pytest.fixture(scope="session")
def inventory_in() -> type[Inventory]:
    """The command line with its state in a given folder."""
    return Inventory


@dataclass(frozen=True)
class Running:
    """A local cloud with a stack on it, and what `up --json` printed."""

    inventory: Inventory
    facts: dict[str, Any]

    @property
    def outputs(self) -> dict[str, str]:
        return self.facts["outputs"]

    def client(self, service: str) -> Any:
        """Return a plain boto3 client that knows nothing but the printed `env`."""
        env = self.facts["env"]
        return boto3.client(
            service,
            endpoint_url=env["AWS_ENDPOINT_URL"],
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
            region_name=env["AWS_DEFAULT_REGION"],
        )


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The embedded cloud, brought up once by `inventory up`, and taken down at the end without a trace."""
    inventory = Inventory(tmp_path_factory.mktemp("cloud") / "state")
    try:
        yield Running(inventory, inventory.json("up"))
    finally:
        assert inventory.json("down") == {"deleted": True}
        assert inventory.leftovers() == []


@pytest.fixture
def inventory_here(joined: Any, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """The command line in the test's own process: the same words, the same answers, without the second to start."""
    from pipeline import __main__ as command_line

    def said(*arguments: object, status: int = 0) -> Any:
        capsys.readouterr()
        assert command_line.main([*map(str, arguments), "--json"]) == status
        return json.loads(capsys.readouterr().out)

    return said


@pytest.fixture
def joined(running: Running, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The same cloud for code that runs in the test's own process."""
    from pipeline import cloud

    monkeypatch.setenv("INVENTORY_STATE_DIR", str(running.inventory.state_dir))
    return cloud.join()
