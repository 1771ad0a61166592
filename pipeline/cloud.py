"""Local or AWS. The only file that knows which."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.emulator import LocalCloud, LocalCloudError, aws, emulator
from pipeline.errors import UserError, WrongUsageError
from pipeline.paths import ROOT

LAYER_PARAMETER = "/aws/service/powertools/python/arm64/python3.13/latest"  # AWS publishes the layer's ARN here


def state_dir() -> Path:
    """Return where this checkout keeps what runs: `.local`, or what INVENTORY_STATE_DIR says."""
    return Path(os.environ.get("INVENTORY_STATE_DIR") or ROOT / ".local").absolute()


@dataclass(frozen=True)
class Cloud:
    """Where the pipeline runs: its name, and clients that reach it."""

    name: str
    region: str
    endpoint_url: str | None
    env: dict[str, str]  # what any AWS client needs in its environment to reach the same place
    powertools_layer_arn: str
    poll_seconds: float  # how often it makes sense to look whether something is done
    patience_seconds: float  # after so long without any change, what is missing will not come soon
    read_pause_seconds: float  # between two reads of a shard by anybody but the pipe
    hour_seconds: float  # how long an hour of the stream's retention takes
    _make: Callable[..., Any] = field(repr=False)
    _clients: dict[tuple[str, int], Any] = field(default_factory=dict, repr=False)

    def client(self, service: str, connections: int = 10) -> Any:
        """Return a client for an AWS service, made once."""
        key = (service, connections)
        if key not in self._clients:
            self._clients[key] = self._make(service, max_pool_connections=connections)
        return self._clients[key]


def start(name: str = "local", account_id: str | None = None, port: int | None = None) -> Cloud:
    """Return the cloud of that name; start the local one if it does not run."""
    return _local(lambda local: local.start(port)) if name == "local" else _connect_aws(name, account_id)


def join(name: str = "local", account_id: str | None = None) -> Cloud:
    """Return the cloud of that name, which must be there."""
    return _local(LocalCloud.join) if name == "local" else _connect_aws(name, account_id)


def stop(cloud_name: str) -> None:
    """Stop the local cloud, and forget what was sent to it. AWS does not stop."""
    if cloud_name == "local":
        _local_cloud_errors(lambda: LocalCloud(state_dir()).stop())
        shutil.rmtree(sent_folder(cloud_name), ignore_errors=True)
        with suppress(OSError):  # what was sent to AWS is still noted beside it
            sent_folder(cloud_name).parent.rmdir()


def sent_folder(cloud_name: str) -> Path:
    """Return the folder of all that is noted about what was sent to a cloud's stacks."""
    return state_dir() / "sent" / cloud_name


def is_running() -> bool:
    """Say whether a local cloud runs here."""
    return LocalCloud(state_dir()).is_running()


def pipe_status(cloud: Cloud) -> dict[str, Any] | None:
    """Return what the local pipe runtime says of itself; on AWS nobody says."""
    return LocalCloud(state_dir()).status() if cloud.name == "local" else None


def pipe_log(cloud: Cloud, position: int) -> tuple[list[str], int]:
    """Return what the local pipe runtime wrote since a position in its log, and the new position."""
    if cloud.name != "local":
        return [], position
    return LocalCloud(state_dir()).log(position)


def _local(reach: Callable[[LocalCloud], str]) -> Cloud:
    endpoint_url = _local_cloud_errors(lambda: reach(LocalCloud(state_dir())))
    session = aws.root_session()
    return Cloud(
        name="local",
        region=emulator.REGION,
        endpoint_url=endpoint_url,
        env={
            "AWS_ENDPOINT_URL": endpoint_url,
            "AWS_ACCESS_KEY_ID": emulator.ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": emulator.SECRET_KEY,
            "AWS_DEFAULT_REGION": emulator.REGION,
            "AWS_REGION": emulator.REGION,  # where other SDKs than Python's look
        },
        poll_seconds=0.1,
        patience_seconds=20,
        read_pause_seconds=0,  # the emulator allows any number
        hour_seconds=emulator.hour_seconds(),
        powertools_layer_arn="",  # the emulator runs the function in this environment, which has Powertools
        _make=lambda service, **config: aws.client(session, service, endpoint_url, **config),
    )


def _local_cloud_errors(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except LocalCloudError as error:
        raise UserError(str(error)) from error


def _connect_aws(name: str, account_id: str | None) -> Cloud:
    if name != "aws":
        raise WrongUsageError(f"there is no cloud named {name!r}: choose local or aws")
    account_id = account_id or os.environ.get("INVENTORY_AWS_ACCOUNT_ID")
    if not account_id:
        raise UserError(
            "AWS is only touched in the account you name: add --account-id, or set INVENTORY_AWS_ACCOUNT_ID"
        )
    session = boto3.Session()
    try:
        caller = session.client("sts").get_caller_identity()["Account"]
        if caller != account_id:
            raise UserError(f"the AWS credentials in use belong to account {caller}, not to {account_id}")
        layer = session.client("ssm").get_parameter(Name=LAYER_PARAMETER)["Parameter"]["Value"]
    except (BotoCoreError, ClientError) as error:
        raise UserError(f"AWS cannot be used: {error}") from error
    return Cloud(
        name="aws",
        region=session.region_name,
        endpoint_url=None,
        env={"AWS_DEFAULT_REGION": session.region_name, "AWS_REGION": session.region_name},
        powertools_layer_arn=layer,
        poll_seconds=3,
        patience_seconds=180,
        read_pause_seconds=1,
        hour_seconds=3600,
        _make=lambda service, **config: session.client(service, config=Config(retries={"mode": "standard"}, **config)),
    )
