"""What an operator wants to see at one glance: is it running, how far is it, what went wrong."""

import time
from typing import Any

from pipeline.cloud import Cloud
from pipeline.provisioning.deployment import Deployment
from pipeline.reading import logs, metrics, quarantine

STALE_SECONDS = 10.0  # the runtime writes its figures several times a second
OLD = ": the pipe runtime writes no new ones (is the disk full?); `inventory logs` may say why"


def read(deployment: Deployment) -> dict[str, Any]:
    """Return the state of the cloud, the pipe and its shards, the projector's last trouble, refusals and dead letters.

    `lately` is what CloudWatch says (see `metrics.py`): on AWS nobody else knows how far the pipe is.

    `figures_age_seconds` says how old the pipe's own figures are: it may be unable to write new ones.
    """
    cloud, outputs = deployment.cloud, deployment.outputs
    pipe = cloud.client("pipes").describe_pipe(Name=outputs["PipeName"])
    runtime = cloud.pipe_status() or {"pipes": [], "runtime": {"said_at": None}}
    own = (pipe for pipe in runtime["pipes"] if pipe["pipe"] == outputs["PipeName"])
    figures = next(own, {"shards": [], "error": ""})
    said_at = runtime["runtime"]["said_at"]
    return {
        "cloud": cloud.name,
        "endpoint_url": cloud.endpoint_url,
        "stack_name": deployment.stack_name,
        "pipe": {
            "name": outputs["PipeName"],
            "state": pipe["CurrentState"],
            "error": figures["error"] or pipe.get("StateReason", ""),
        },
        "lately": metrics.lately(cloud, outputs),
        "figures_age_seconds": round(time.time() - said_at, 1) if said_at else None,
        "shards": figures["shards"],
        "projector": {"name": outputs["ProjectorName"], "last_error": logs.last_trouble(cloud, outputs)},
        "quarantined": quarantine.count(cloud, outputs["QuarantineTableName"]),
        "dead_letters": _depth(cloud, outputs["DeadLetterQueueUrl"]),
    }


def lines(facts: dict[str, Any]) -> list[str]:
    """Write the status for people."""
    pipe, projector, age = facts["pipe"], facts["projector"], facts["figures_age_seconds"]
    text = [
        f"stack        {facts['stack_name']} on {facts['endpoint_url'] or facts['cloud']}",
        f"pipe         {pipe['state']}" + (f": {pipe['error']}" if pipe["error"] else ""),
    ]
    text.append(f"last 15 min  {metrics.line(facts['lately'])}")
    if age is not None:
        text.append(f"figures      {age:.1f} s old" + (OLD if age > STALE_SECONDS else ""))
    text += [line for shard in facts["shards"] for line in _shard_lines(shard)]
    text.append(f"projector    {projector['last_error'] or 'no trouble in the last quarter of an hour'}")
    text.append(f"quarantine   {facts['quarantined']} records")
    text.append(f"dead letters {facts['dead_letters']} messages")
    return text


def _shard_lines(shard: dict[str, Any]) -> list[str]:
    behind = shard["behind_seconds"]
    figures = (
        f"  {shard['shard_id']}  delivered {shard['delivered']:>7}  in {shard['invocations']:>5} batches"
        f"  retries {shard['retries']:>3}  dead letters {shard['dead_letters']:>3}"
        f"  under way {shard['unfinished']:>5}  behind {'?' if behind is None else f'{behind:.1f} s'}"
    )
    return [figures] + [f"    last error: {shard['last_error']}"] * bool(shard["last_error"])


def _depth(cloud: Cloud, queue_url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = cloud.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
    return sum(int(answer["Attributes"][name]) for name in names)
