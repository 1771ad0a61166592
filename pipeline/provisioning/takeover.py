"""From the version before: its quarantine was a queue, which the update deletes. What lies in it moves to the table.

The pipe rests meanwhile, or the projector of the version before would go on refusing records into the queue. What was
found is kept in a file until all of it is in the table, so that an interrupted `up` goes on from there.
"""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from pipeline.cloud import Cloud
from pipeline.provisioning import pausing, stack
from pipeline.waiting import Tell

HIDDEN_SECONDS = 600  # from us, while we look; the queue is about to go
POLL_SECONDS = 1  # more than none: so SQS asks all of its servers


def begin(cloud: Cloud, stack_name: str, kept: Path, tell: Tell) -> None:
    """If the stack still has a quarantine queue, stop its pipe, name what lies in the queue, and keep it in a file."""
    found = stack.outputs(cloud, stack_name)
    if "QuarantineQueueUrl" not in found:
        return
    if "PipeName" in found:
        pausing.stop(cloud, found["PipeName"])
    before = _kept(kept) if kept.exists() else []  # by an `up` that was interrupted: the queue still hides them
    found_now = _messages(cloud.client("sqs"), found["QuarantineQueueUrl"])
    messages = list({_record_id(message): message for message in [*found_now, *before]}.values())
    kept.parent.mkdir(parents=True, exist_ok=True)
    whole = kept.with_suffix(".new")
    whole.write_text("".join(json.dumps(message) + "\n" for message in messages))
    whole.replace(kept)
    tell(f"the quarantine becomes a table: {len(messages)} records move from the queue into it, meanwhile in {kept}")
    for message in messages:
        tell(f"  {_record_id(message)}  {message['reason']}: {message['detail']}")


def finish(cloud: Cloud, stack_name: str, kept: Path, keep_days: int) -> None:
    """Put what was kept into the quarantine table, each record once, and start the pipe again."""
    if not kept.exists():
        return
    found = stack.outputs(cloud, stack_name)
    for message in _kept(kept):
        _put(cloud.client("dynamodb"), found["QuarantineTableName"], message, keep_days)
    _keep_for_good(cloud.client("dynamodb"), found["StockTableName"])
    pausing.start(cloud, found["PipeName"])
    kept.unlink()


def _kept(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def _messages(sqs: Any, queue_url: str) -> list[dict[str, Any]]:
    """Read all messages of a queue that can be seen, each once."""
    bodies: list[dict[str, Any]] = []
    while True:
        answer = sqs.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=POLL_SECONDS,
        )
        received = answer.get("Messages", [])
        if not received:
            return bodies
        bodies += [json.loads(message["Body"]) for message in received]


def _put(dynamodb: Any, table: str, message: dict[str, Any], keep_days: int) -> None:
    now = datetime.now(UTC)
    item = {
        "record_id": {"S": _record_id(message)},
        "data": {"B": base64.b64decode(message["data"])},
        "quarantined_at": {"S": now.isoformat(timespec="milliseconds")},  # the queue did not say when
        "state": {"S": "open"},
        "expires_at": {"N": str(int(now.timestamp()) + keep_days * 24 * 3600)},
    }
    for name in ("reason", "detail", "partition_key", "shard_id", "sequence_number", "arrived_at"):
        item[name] = {"S": message[name]}
    if message["event"] is not None:
        item["event"] = {"S": json.dumps(message["event"])}
    if message.get("truncated"):
        item["truncated"] = {"BOOL": True}  # type: ignore[dict-item]
    try:
        dynamodb.put_item(TableName=table, Item=item, ConditionExpression="attribute_not_exists(record_id)")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise


def _keep_for_good(dynamodb: Any, table: str) -> None:
    """Removed products' items had a time to live in the version before; it must be off whatever the update did."""
    if dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED":
        off = {"AttributeName": "expires_at", "Enabled": False}
        dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=off)


def _record_id(message: dict[str, Any]) -> str:
    return f"{message['shard_id']}:{message['sequence_number']}"
