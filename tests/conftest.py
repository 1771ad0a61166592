"""What all tests share: hypothesis set so that a run can be repeated, and the local cloud, through the real CLI."""

import json
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from pipeline import waiting
from tests.inventory import ACCOUNT, WHERE, Inventory, Running

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


WAIT = ("notebooks", "cloud", "emulator")  # folders of tests that mostly wait for processes which they start


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With an AWS account, run what is meant for one, and nothing else: docs/aws.md says how."""
    meant = [item for item in items if item.path.name == "test_end_to_end.py" and not item.get_closest_marker("local")]
    if ACCOUNT:
        config.hook.pytest_deselected(items=[item for item in items if item not in meant])
        items[:] = meant
    _spread(items)


def _spread(items: list[pytest.Item]) -> None:
    """Put files that wait evenly between those that compute, so that processes which share the tests use all cores."""
    files = list(dict.fromkeys(item.path for item in items))
    waiting = sorted(
        (file for file in files if file.parent.name in WAIT), key=lambda file: WAIT.index(file.parent.name)
    )
    others = [file for file in files if file not in waiting]
    place = {file: at / len(group) for group in (waiting, others) for at, file in enumerate(group)}
    items.sort(key=lambda item: place[item.path])  # stable: the tests of a file stay in their order


def pytest_report_header() -> str:
    """Say what is left to another command."""
    return "not run here: the projector on other Pythons and with the oldest pydantic (make test-pythons)"


def wait_until(holds: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    """Wait for a condition, and say what it was if it does not come. Returns what the condition returned."""
    try:
        return waiting.eventually(holds, seconds, every=0.02)
    except TimeoutError:
        raise AssertionError(f"still waiting after {seconds} s: {what}") from None


@pytest.fixture(scope="session")
def eventually() -> Callable[..., Any]:
    return wait_until


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The embedded cloud, brought up once by `inventory up`, and taken down at the end without a trace."""
    inventory = Inventory(tmp_path_factory.mktemp("cloud") / "state")
    if ACCOUNT:  # AWS is up, and no stack is made there but those of the end-to-end tests
        yield Running(inventory, {})
        return
    try:
        yield Running(inventory, inventory.json("up"))
    finally:
        assert inventory.json("down", "--all") == {"deleted": True}
        assert inventory.leftovers() == []


@pytest.fixture
def inventory_here(joined: Any, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """The command line in the test's own process: the same words, the same answers, without the second to start."""
    from pipeline import __main__ as command_line

    def answer(*arguments: object, status: int = 0) -> Any:
        capsys.readouterr()
        assert command_line.main([*map(str, arguments), *WHERE, "--json"]) == status
        return json.loads(capsys.readouterr().out)

    return answer


@pytest.fixture
def joined(running: Running, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The same cloud for code that runs in the test's own process."""
    from pipeline import cloud

    monkeypatch.setenv("INVENTORY_STATE_DIR", str(running.inventory.state_dir))
    return cloud.join("aws", ACCOUNT) if ACCOUNT else cloud.join()
