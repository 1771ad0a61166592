"""The AWS emulator (MiniStack): how it is started so that it is private, strict and quiet."""

import os
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

import psutil

from pipeline.emulator import limits
from pipeline.emulator.environment import bare
from pipeline.errors import WrongUsageError

ACCOUNT_ID = "000000000000"
ACCESS_KEY = "test"  # the emulator's account root; no secret, and good for nothing else
SECRET_KEY = "test"
REGION = "us-east-1"
HOST = "127.0.0.1"

COMMAND = [sys.executable, "-m", "pipeline.emulator.launch"]


def environment(port: int, folder: Path) -> dict[str, str]:
    """Return the emulator's environment. Functions inherit it, so it has nothing of the caller's."""
    return bare(folder) | {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        "AUTH": "true",  # IAM enforced: a missing permission fails here as it would on AWS
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "IOT_MTLS_ENABLED": "0",  # or it listens on 0.0.0.0:8883
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": "0",
        "DOCKER_HOST": f"unix://{folder}/no-docker.sock",
        "LOG_LEVEL": "WARNING",
        "INVENTORY_HOUR_SECONDS": str(hour_seconds()),
        **limits.off(limits.switched_off()),
    }


def environment_of_clients(endpoint_url: str) -> dict[str, str]:
    """Return the variables that lead any AWS client to the emulator, whatever else its user has set."""
    needed = {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",  # whatever a configuration file says
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,  # where the SDKs of other languages look
    }
    proxies = urllib.request.getproxies_environment()
    if proxies.keys() - {"no"}:
        direct = ",".join(filter(None, [proxies.get("no"), HOST]))
        needed |= {"no_proxy": direct, "NO_PROXY": direct}
    return needed


def hour_seconds() -> float:
    """Return how long an hour of a stream's retention takes: INVENTORY_HOUR_SECONDS shortens it, to see it pass."""
    text = os.environ.get("INVENTORY_HOUR_SECONDS") or "3600"
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= 3600:
        raise WrongUsageError(f"INVENTORY_HOUR_SECONDS={text}: it takes a number of seconds up to 3600")
    return seconds


def endpoint(port: int) -> str:
    """Return the URL under which the emulator answers."""
    return f"http://{HOST}:{port}"


def is_healthy(port: int) -> bool:
    """Ask the emulator how it is."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{endpoint(port)}/_ministack/health", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    """Return a port on which nobody listens at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def is_taken(port: int) -> bool:
    """Say whether somebody listens on the port."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def listens(process: psutil.Process, port: int) -> bool:
    """Say whether it is this process that listens on the port, and not another that was faster."""
    try:
        return any(
            connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            for connection in process.net_connections()
        )
    except psutil.Error:
        return False
