"""AWS clients that can reach the embedded cloud and nothing else."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import DeferredRefreshableCredentials
from botocore.utils import parse_timestamp

from pipeline.emulator.emulator import ACCESS_KEY, REGION, SECRET_KEY

LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class NotLoopbackError(Exception):
    """A request of the local cloud was about to leave this machine."""


def root_session() -> boto3.Session:
    """Return a session as the emulator's account root."""
    return _guarded(boto3.Session(ACCESS_KEY, SECRET_KEY, region_name=REGION))


def role_session(endpoint_url: str, role_arn: str, session_name: str) -> boto3.Session:
    """Return a session under a role, whose credentials are renewed before they expire."""
    sts = client(root_session(), "sts", endpoint_url)

    def assume() -> dict[str, str]:
        credentials = sts.assume_role(RoleArn=role_arn, RoleSessionName=session_name)["Credentials"]
        expiry: datetime = credentials["Expiration"]
        return {
            "access_key": credentials["AccessKeyId"],
            "secret_key": credentials["SecretAccessKey"],
            "token": credentials["SessionToken"],
            "expiry_time": expiry.isoformat(),
        }

    core = botocore.session.get_session()
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_timestamp)
    core._credentials = DeferredRefreshableCredentials(assume, "assume-role")  # type: ignore[attr-defined]
    core.set_config_variable("region", REGION)
    return _guarded(boto3.Session(botocore_session=core))


def client(session: boto3.Session, service: str, endpoint_url: str, **config: Any) -> Any:
    """Return a client for one service. The endpoint is named here: the environment cannot redirect it."""
    return session.client(service, endpoint_url=endpoint_url, config=Config(proxies={}, **config))


def _timestamp(value: Any) -> datetime:
    """Read a timestamp. botocore's own way looks the local time zone up, for each."""
    return datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else parse_timestamp(value)


def _guarded(session: boto3.Session) -> boto3.Session:
    session.events.register("before-send", _stay_on_this_machine)
    return session


def _stay_on_this_machine(request: Any, **_: Any) -> None:
    host = urlsplit(request.url).hostname
    if host not in LOOPBACK:
        raise NotLoopbackError(f"the local cloud never talks to {host}")
