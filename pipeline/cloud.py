"""Local or AWS. The only file that knows which: all others ask the `Cloud` what it can do."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from pipeline.dry_run import DryClient
from pipeline.errors import CloudGoneError, UserError, WrongUsageError
from pipeline.paths import ROOT, command_line
from pipeline.waiting import Tell

if TYPE_CHECKING:  # what takes a while to import is imported when it is used: not for a word of help
    from pipeline.emulator import LocalCloud

NAMES = ("local", "aws")
PAUSE_SECONDS = 1.1  # a shard allows five reads in any second, and the pipe takes four
LAYER_PARAMETER = "/aws/service/powertools/python/arm64/python3.13/latest"  # AWS publishes the layer's ARN here


def state_dir() -> Path:
    """Return where this checkout keeps what runs: `.local`, or what INVENTORY_STATE_DIR says."""
    return Path(os.environ.get("INVENTORY_STATE_DIR") or ROOT / ".local").absolute()


@dataclass(frozen=True)
class Cloud:
    """Where the pipeline runs: its name, clients that reach it, and what it can do that others cannot."""

    name: str
    region: str
    endpoint_url: str | None
    env: dict[str, str]  # what any AWS client needs in its environment to reach the same place
    powertools_layer_arn: Callable[[], str]  # looks up the newest layer; empty where the runtime brings what is in it
    poll_seconds: float  # how often it makes sense to look whether something is done
    patience_seconds: float  # after so long without any change, what is missing will not come soon
    read_pause_seconds: float  # between two reads of a shard by anybody but the pipe
    hour_seconds: float  # how long an hour of the stream's retention takes
    _make: Callable[..., Any] = field(repr=False)
    _processes: "LocalCloud | None" = None  # what of it runs on this machine
    is_dry: bool = False  # it only reads, and tells what it would change
    _clients: dict[tuple[str, int], Any] = field(default_factory=dict, repr=False)

    def client(self, service: str, connections: int = 10) -> Any:
        """Return a client for an AWS service, made once."""
        key = (service, connections)
        if key not in self._clients:
            self._clients[key] = self._make(service, max_pool_connections=connections)
        return self._clients[key]

    def dry(self, tell: Tell) -> "Cloud":
        """Return the same cloud, of which only reading calls are made: the others are told, line by line."""

        def make(service: str, **config: Any) -> DryClient:
            return DryClient(self._make(service, **config), service, tell)

        return replace(self, _make=make, _clients={}, is_dry=True)

    @property
    def is_billed(self) -> bool:
        """Say whether what runs there costs money."""
        return self._processes is None

    @property
    def can_stop(self) -> bool:
        """Say whether it runs for this project alone, and ends when the project is done with it."""
        return self._processes is not None

    def pipe_status(self) -> dict[str, Any] | None:
        """Return what the pipe runtime says of itself (see `pipe/status.py`); None where nobody says."""
        return self._processes.status() if self._processes else None

    def pipe_log(self, position: int) -> tuple[list[str], int]:
        """Return what the pipe runtime wrote since a position in its log, and the new position."""
        return self._processes.log(position) if self._processes else ([], position)

    def breakable(self) -> "LocalCloud":
        """Return what faults can be injected into.

        Raises:
            WrongUsageError: this cloud is not one of the kind.
        """
        if not self._processes:
            raise WrongUsageError(f"faults are for the local cloud; for {self.name} there is Fault Injection Service")
        return self._processes

    def must_answer(self) -> None:
        """Raise a `UserError` if this cloud is certain never to answer again, so that nobody waits for it."""
        if self._processes:
            join(self.name)


def start(name: str = "local", account_id: str | None = None, port: int | None = None) -> Cloud:
    """Return the cloud of that name; start the local one if it does not run."""
    return _reach(name, account_id, lambda local: local.start(port))


def join(name: str = "local", account_id: str | None = None, stack_name: str = "inventory") -> Cloud:
    """Return the cloud of that name, which must be there. If it is not, it is said how `stack_name` gets there."""
    from pipeline.emulator import NotRunningError

    try:
        return _reach(name, account_id, lambda local: local.join())
    except NotRunningError as error:
        raise UserError(f"{error}. Start one with: {command('up', name, stack_name)}") from error


def join_if_running(name: str, account_id: str | None = None) -> Cloud | None:
    """Return the cloud of that name, or None if it is one that can be stopped, and it is."""
    return join(name, account_id) if name != "local" or is_running() else None


def is_running() -> bool:
    """Say whether a local cloud runs here."""
    return _processes().is_running()


def stop(name: str) -> None:
    """Stop the local cloud, with all stacks in it, and forget what was sent to it. AWS does not stop."""
    if name != "local":
        raise WrongUsageError(f"{name} cannot be stopped, only its stacks can be deleted, one by one")
    _processes().stop()
    shutil.rmtree(sent_folder(name), ignore_errors=True)
    with suppress(OSError):  # what was sent to AWS is still noted beside it
        sent_folder(name).parent.rmdir()


def sent_folder(cloud_name: str) -> Path:
    """Return the folder of all that is noted about what was sent to a cloud's stacks."""
    return state_dir() / "sent" / cloud_name


def command(verb: str, cloud_name: str, stack_name: str, *more: str) -> str:
    """Write the command that does something to a stack, for a message that says what to do next."""
    where = [] if cloud_name == "local" else ["--cloud", cloud_name]
    return command_line(verb, *where, "--stack-name", stack_name, *more)


def explain(error: BotoCoreError | ClientError, cloud_name: str, stack_name: str) -> str:
    """Say in one line what an error of a client means, and for a local cloud that is silent what to do about it."""
    if cloud_name != "local":
        return f"AWS said: {error}"
    if not isinstance(error, HTTPClientError | NoConnectionError):
        return f"the local cloud said: {error}"
    try:
        cloud = join(cloud_name, stack_name=stack_name)
    except UserError as gone:
        return str(gone)
    again = f"{command_line('down', '--all')} && {command('up', cloud_name, stack_name)}"
    return f"the local cloud at {cloud.endpoint_url} does not answer. To start afresh, without what it holds: {again}"


def _processes() -> "LocalCloud":
    from pipeline.emulator import LocalCloud

    return LocalCloud(state_dir())


def _reach(name: str, account_id: str | None, local: Callable[["LocalCloud"], str]) -> Cloud:
    if name not in NAMES:
        raise WrongUsageError(f"there is no cloud named {name!r}: choose {' or '.join(NAMES)}")
    return _aws(account_id) if name == "aws" else _local(local)


def _local(reach: Callable[["LocalCloud"], str]) -> Cloud:
    from pipeline.emulator import aws, emulator, limits

    processes, session = _processes(), aws.root_session()
    endpoint_url = reach(processes)

    def stop_if_it_is_gone(caught_exception: Exception | None = None, **_: Any) -> None:
        """Try no request again that cannot succeed: botocore would for half a minute."""
        if not caught_exception:
            return
        try:
            there = processes.join()
        except UserError as gone:
            raise CloudGoneError(str(gone)) from caught_exception
        if there != endpoint_url:
            raise CloudGoneError(f"the local cloud at {endpoint_url} is gone; since then another one was started")

    session.events.register_first("needs-retry", stop_if_it_is_gone)
    return Cloud(
        name="local",
        region=emulator.REGION,
        endpoint_url=endpoint_url,
        env=emulator.environment_of_clients(endpoint_url),
        poll_seconds=0.1,
        patience_seconds=20,
        read_pause_seconds=PAUSE_SECONDS if limits.is_on("kinesis-reads") else 0,
        hour_seconds=emulator.hour_seconds(),
        powertools_layer_arn=str,  # the emulator runs the function in this environment, which has Powertools
        _make=lambda service, **config: aws.client(session, service, endpoint_url, **config),
        _processes=processes,
    )


def _aws(account_id: str | None) -> Cloud:
    import boto3
    from botocore.config import Config

    account_id = account_id or os.environ.get("INVENTORY_AWS_ACCOUNT_ID")
    if not account_id:
        raise WrongUsageError(
            "AWS is only touched in the account you name: add --account-id, or set INVENTORY_AWS_ACCOUNT_ID"
        )
    session = boto3.Session()
    try:
        caller = session.client("sts").get_caller_identity()["Account"]
        if caller != account_id:
            raise UserError(f"the AWS credentials in use belong to account {caller}, not to {account_id}")
    except (BotoCoreError, ClientError) as error:
        raise UserError(f"AWS cannot be used: {error}") from error
    return Cloud(
        name="aws",
        region=session.region_name,
        endpoint_url=None,
        env={"AWS_DEFAULT_REGION": session.region_name, "AWS_REGION": session.region_name},
        powertools_layer_arn=lambda: session.client("ssm").get_parameter(Name=LAYER_PARAMETER)["Parameter"]["Value"],
        poll_seconds=3,
        patience_seconds=180,
        read_pause_seconds=PAUSE_SECONDS,
        hour_seconds=3600,
        _make=lambda service, **config: session.client(service, config=Config(retries={"mode": "standard"}, **config)),
    )
