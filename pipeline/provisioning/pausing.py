"""The pipe, stopped for a while and started again. It goes on where it stopped."""

from pipeline.cloud import Cloud
from pipeline.waiting import eventually

STOP_SECONDS = 300


def stop(cloud: Cloud, pipe: str) -> None:
    """Stop the pipe, and return when it is. Idempotent."""
    pipes = cloud.client("pipes")
    if not is_stopped(cloud, pipe):
        pipes.stop_pipe(Name=pipe)
    if cloud.is_dry:
        return
    eventually(
        lambda: pipes.describe_pipe(Name=pipe)["CurrentState"] == "STOPPED", STOP_SECONDS, every=cloud.poll_seconds
    )


def is_stopped(cloud: Cloud, pipe: str) -> bool:
    """Say whether somebody stopped the pipe."""
    return cloud.client("pipes").describe_pipe(Name=pipe)["DesiredState"] == "STOPPED"


def start(cloud: Cloud, pipe: str) -> None:
    """Start the pipe if it was stopped."""
    if cloud.is_dry or is_stopped(cloud, pipe):
        cloud.client("pipes").start_pipe(Name=pipe)
