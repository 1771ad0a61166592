"""What projector and pipe write down."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from pipeline.cloud import Cloud
from pipeline.waiting import eventually

FOLLOW_SECONDS = 1.0
LOOK_BACK_SECONDS = 15 * 60
LATE_SECONDS = 30  # a line may reach the log so much later than its time says
TROUBLE = "records have to come again"  # the projector's line for what the platform refused; see telemetry.py


def last_trouble(cloud: Cloud, outputs: dict[str, str]) -> str:
    """Return the newest error that made the projector hand records back; empty if there was none lately."""
    since = time.time() - LOOK_BACK_SECONDS
    errors = [message for _, message in projector(cloud, outputs, since) if TROUBLE in message]
    if not errors:
        return ""
    try:
        return json.loads(errors[-1])["error"]
    except (ValueError, KeyError):
        return errors[-1]


def projector(cloud: Cloud, outputs: dict[str, str], since: float) -> Iterator[tuple[float, str]]:
    """Read the projector's log: (epoch seconds, message), oldest first."""
    function = cloud.client("lambda").get_function_configuration(FunctionName=outputs["ProjectorName"])
    pages = (
        cloud.client("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName=function["LoggingConfig"]["LogGroup"], startTime=int(since * 1000))
    )
    try:
        events = [event for page in pages for event in page["events"]]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return  # it has not written anything yet
        raise
    for event in sorted(events, key=lambda event: event["timestamp"]):
        yield event["timestamp"] / 1000, event["message"].rstrip()


def show(
    cloud: Cloud,
    outputs: dict[str, str],
    follow: bool,
    write: Callable[[str], Any],
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Write the log lines of pipe and projector, and (with `follow`) those to come, until `stop` says so."""
    since, position = time.time() - LOOK_BACK_SECONDS, 0
    seen = set[tuple[float, str]]()

    def is_over() -> bool:
        """Write what is new, and say whether that was all."""
        nonlocal since, seen, position
        lines, position = cloud.pipe_log(position)
        for text in lines:
            write(f"pipe       {text}")
        for line in projector(cloud, outputs, since):
            if line not in seen:
                seen.add(line)
                write(f"projector  {line[1]}")
        if seen:  # what lies further back was read, and is not read again
            since = max(since, max(moment for moment, _ in seen) - LATE_SECONDS)
            seen = {line for line in seen if line[0] >= since}
        return not follow or stop()

    eventually(is_over, every=max(FOLLOW_SECONDS, cloud.poll_seconds))
