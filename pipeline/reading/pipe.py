"""How far the pipe is: asked where it can be, and else worked out from how long it may keep trying."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pipeline.cloud import Cloud
from pipeline.reading.stream import StreamRecord

STARTING_SECONDS = 900.0  # after a pipe was made or changed: it may not poll for minutes, and does not say so
SLOW_SECONDS = 10.0


@dataclass(frozen=True)
class PipeState:
    """What the pipe says of itself: how far it is on each shard (None: it does not say), and what troubles it."""

    checkpoints: dict[str, str | None] | None
    trouble: str = ""
    is_starting: bool = False  # it has not begun to poll, or may not have
    lag_seconds: float | None = field(default=None, compare=False)  # how old the oldest record is that has not ended


def state(cloud: Cloud, outputs: dict[str, str]) -> PipeState:
    """Ask the pipe how far it is."""
    status = cloud.pipe_status()
    if status is None:
        pipe = _described(cloud, outputs)
        is_starting = time.time() - pipe["LastModifiedTime"].timestamp() < STARTING_SECONDS
        return PipeState(None, _why_it_does_not_run(pipe), is_starting)
    for pipe in status["pipes"]:
        if pipe["pipe"] == outputs["PipeName"]:
            trouble = next((error for error in [pipe["error"], *map(_trouble, pipe["shards"])] if error), "")
            checkpoints = pipe["drained"] | {shard["shard_id"]: shard["checkpoint"] for shard in pipe["shards"]}
            return PipeState(checkpoints, trouble, pipe["state"] == "STARTING", _lag(status, pipe))
    return PipeState({}, _why_it_does_not_run(_described(cloud, outputs)) or "it is not running yet")


def may_have(cloud: Cloud, outputs: dict[str, str]) -> Callable[[StreamRecord], bool]:
    """Return what says whether the pipe may, as of now, still have a record: it is *pending*, whatever happens to it.

    That is so above the pipe's checkpoint. Where nobody can be asked for that (on AWS), it is so for as long as the
    pipe may try again, and an invocation that it began by then may run.
    """
    checkpoints = state(cloud, outputs).checkpoints
    if checkpoints is not None:
        passed = {shard_id: int(place or 0) for shard_id, place in checkpoints.items()}
        return lambda record: record.place > passed.get(record.shard_id, 0)
    source = _described(cloud, outputs)["SourceParameters"]
    longest = source["KinesisStreamParameters"].get("MaximumRecordAgeInSeconds", -1)
    if longest < 0:
        return lambda record: True  # it tries for ever
    projector = cloud.client("lambda").get_function_configuration(FunctionName=outputs["ProjectorName"])
    oldest = time.time() - longest - projector["Timeout"]
    return lambda record: record.arrived_at > oldest


def _described(cloud: Cloud, outputs: dict[str, str]) -> dict[str, Any]:
    return cloud.client("pipes").describe_pipe(Name=outputs["PipeName"])


def _why_it_does_not_run(pipe: dict[str, Any]) -> str:
    """Say why a described pipe does not run; empty if it does, or is about to."""
    if pipe["CurrentState"] in ("RUNNING", "CREATING", "UPDATING", "STARTING"):
        return ""
    return f"it is {pipe['CurrentState']}: {pipe.get('StateReason') or 'no reason is given'}"


def _trouble(shard: dict[str, Any]) -> str:
    """Say what troubles the reading of a shard. That a read was throttled now and then does not, while it keeps up."""
    error = shard["last_error"] if shard["unfinished"] or shard["error"] else ""
    keeps_up = (shard["lag_seconds"] or 0) < SLOW_SECONDS
    return "" if keeps_up and "ProvisionedThroughputExceeded" in error else error


def _lag(status: dict[str, Any], pipe: dict[str, Any]) -> float | None:
    lags = [shard["lag_seconds"] for shard in pipe["shards"]]
    if not lags or None in lags:
        return None
    return max(lags) + time.time() - status["runtime"]["said_at"]
