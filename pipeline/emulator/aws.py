"""AWS clients that can reach the embedded cloud and nothing else."""

import os
from datetime import UTC, datetime
from functools import cache
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.credentials import DeferredRefreshableCredentials
from botocore.loaders import Loader
from botocore.utils import parse_timestamp

from pipeline.emulator.emulator import ACCESS_KEY, REGION, SECRET_KEY
from pipeline.emulator.guard import check_host

_MAKING = Lock()


def root_session() -> boto3.Session:
    """Return a session as the emulator's account root."""
    return boto3.Session(ACCESS_KEY, SECRET_KEY, botocore_session=_session())


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

    core = _session()
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_timestamp)
    core._credentials = DeferredRefreshableCredentials(assume, "assume-role")  # type: ignore[attr-defined]
    return boto3.Session(botocore_session=core)


def client(session: boto3.Session, service: str, endpoint_url: str, **config: Any) -> Any:
    """Return a client for one service. The endpoint is named here: the environment cannot redirect it."""
    with _MAKING:  # each makes a TLS context, although it speaks http, and that reads one variable by itself
        key_log = os.environ.pop("SSLKEYLOGFILE", None)
        try:
            return session.client(service, endpoint_url=endpoint_url, config=Config(proxies={}, **config))
        finally:
            if key_log is not None:
                os.environ["SSLKEYLOGFILE"] = key_log


def _session() -> botocore.session.Session:
    """Return a session that reads nothing of this machine: no variable, no profile, no file."""
    defaults = {name: default for name, (_, _, default, _) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()}
    nothing = {"config_file": os.devnull, "credentials_file": os.devnull, "s3": {}, "proxies_config": {}}
    core = botocore.session.Session(
        {name: (None, None, value, None) for name, value in (defaults | nothing | {"region": REGION}).items()}
    )
    core.register_component("data_loader", _loader())
    core.register("before-send", _stay_on_this_machine)
    return core


@cache
def _loader() -> Loader:
    """Return what reads AWS's API models: those that botocore brings, without the ones in ~/.aws/models."""
    return Loader([Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)


def _timestamp(value: Any) -> datetime:
    """Read a timestamp. botocore's own way looks the local time zone up, for each."""
    return datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else parse_timestamp(value)


def _stay_on_this_machine(request: Any, **_: Any) -> None:
    check_host(urlsplit(request.url).hostname or "")
