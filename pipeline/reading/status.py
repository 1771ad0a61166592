"""What an operator wants to see at one glance: is it running, how far is it, what went wrong."""

from typing import Any

from pipeline import cloud as clouds
from pipeline.provisioning.deployment import Deployment
from pipeline.reading import logs, quarantine


def status(found: Deployment) -> dict[str, Any]:
    """Return the state of cloud, pipe and shards, the projector's last trouble, what is refused and given up."""
    cloud, outputs = found.cloud, found.outputs
    pipe = cloud.client("pipes").describe_pipe(Name=outputs["PipeName"])
    reported = (clouds.pipe_status(cloud) or {"pipes": []})["pipes"]
    own = next((each for each in reported if each["pipe"] == outputs["PipeName"]), {"shards": [], "error": ""})
    return {
        "cloud": cloud.name,
        "endpoint_url": cloud.endpoint_url,
        "stack_name": found.stack_name,
        "pipe": {"name": outputs["PipeName"], "state": pipe["CurrentState"], "error": own["error"]},
        "shards": own["shards"],
        "projector": {"name": outputs["ProjectorName"], "last_error": logs.last_trouble(cloud, outputs)},
        "quarantined": quarantine.count(cloud, outputs["QuarantineTableName"]),
        "dead_letters": _depth(cloud, outputs["DeadLetterQueueUrl"]),
    }


def lines(facts: dict[str, Any]) -> list[str]:
    """Write the status for people."""
    pipe, projector = facts["pipe"], facts["projector"]
    where = facts["endpoint_url"] or facts["cloud"]
    text = [
        f"stack        {facts['stack_name']} on {where}",
        f"pipe         {pipe['state']}" + (f": {pipe['error']}" if pipe["error"] else ""),
    ]
    for shard in facts["shards"]:
        behind = shard["behind_seconds"]
        text.append(
            f"  {shard['shard_id']}  delivered {shard['delivered']:>7}  in {shard['invocations']:>5} batches"
            f"  retries {shard['retries']:>3}  dead letters {shard['dead_letters']:>3}"
            f"  under way {shard['unfinished']:>5}  behind {'?' if behind is None else f'{behind:.1f} s'}"
        )
        if shard["last_error"]:
            text.append(f"    last error: {shard['last_error']}")
    text.append(f"projector    {projector['last_error'] or 'no trouble in the last quarter of an hour'}")
    text.append(f"quarantine   {facts['quarantined']} records")
    text.append(f"dead letters {facts['dead_letters']} messages")
    return text


def _depth(cloud: clouds.Cloud, queue_url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = cloud.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
    return sum(int(answer["Attributes"][name]) for name in names)
