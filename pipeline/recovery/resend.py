"""A person's decision on what is in quarantine: send it again, as it is or corrected, or dismiss it.

Every change of state is conditional, so two terminals cannot decide the same differently. A re-send goes through the
stream like any other event, under an `event_id`: interrupted anywhere and done again, it counts once.

open → re_sending → re_sent        open → dismissed        re_sending → open, by `redrive` alone
"""

import getpass
import hashlib
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.cloud import Cloud
from pipeline.consistency import oracle
from pipeline.errors import UserError
from pipeline.reading import quarantine, stream

DERIVED = "made from the record's id, so that twice is once"


@dataclass(frozen=True)
class Resend:
    """What is to be sent for a quarantined record, and under which identity."""

    record_id: str
    data: bytes
    product_id: str
    event_id: str
    because: str  # why that event_id


@dataclass(frozen=True)
class Resent:
    """A record that was sent again, and the place of the new record."""

    record_id: str
    event_id: str
    because: str
    shard_id: str
    sequence_number: str


def prepare(cloud: Cloud, outputs: dict[str, str], record_id: str, corrected: bytes | None = None) -> Resend:
    """Work out what to send; nothing is changed.

    Args:
        cloud: where the stack is.
        outputs: the stack's outputs.
        record_id: of the quarantined record, which must be `open`, or `re_sending` since somebody was interrupted.
        corrected: the event to send in its place; None: the record as it is.

    Raises:
        UserError: it is not in quarantine, it was decided on, or it would only be refused again.
    """
    item = quarantine.item_of(cloud, outputs["QuarantineTableName"], record_id)
    if item["state"] not in ("open", "re_sending"):
        raise UserError(_decided(item))
    whole = _whole(cloud, outputs, item)
    before = _json(whole)
    event = before if corrected is None else _json(corrected)
    if not isinstance(event, dict):
        whose = "it" if corrected is None else "the corrected event"
        raise UserError(f"{record_id}: {whose} is no JSON object; give a corrected event with --file")
    if has_it := "event_id" in event:
        event_id, because = event["event_id"], "its own"
    elif isinstance(before, dict) and isinstance(before.get("event_id"), str):
        event_id, because = before["event_id"], "that of the record before it was corrected"
    else:
        event_id, because = derived_event_id(record_id), DERIVED
    data = (corrected or whole) if has_it else json.dumps(event | {"event_id": event_id}).encode()
    product = event.get("product")
    product_id = product.get("product_id") if isinstance(product, dict) else None
    refused = oracle.read(data, str(product_id))
    if isinstance(refused, str):
        raise UserError(f"{record_id}: it would be refused as {refused} again; give a corrected event with --file")
    return Resend(record_id, data, str(product_id), str(event_id), because)


def resend(cloud: Cloud, outputs: dict[str, str], prepared: Resend) -> Resent:
    """Send a record again. Interrupted, it may be called again."""
    table = outputs["QuarantineTableName"]
    since = _decide(cloud, table, prepared.record_id, "re_sending", f"as event_id {prepared.event_id}")
    answer = cloud.client("kinesis").put_record(
        StreamName=outputs["StreamName"], Data=prepared.data, PartitionKey=prepared.product_id
    )
    place = f"{answer['ShardId']}:{answer['SequenceNumber']}"
    _decide(cloud, table, prepared.record_id, "re_sent", f"as event_id {prepared.event_id}, record {place}", since)
    return Resent(prepared.record_id, prepared.event_id, prepared.because, answer["ShardId"], answer["SequenceNumber"])


def dismiss(cloud: Cloud, outputs: dict[str, str], record_id: str, note: str) -> None:
    """Decide that a record is not to be applied, and say why."""
    _decide(cloud, outputs["QuarantineTableName"], record_id, "dismissed", note)


def of_claim(record_id: str, event: dict[str, Any], data: bytes, product_id: str) -> Resend:
    """Say how a record that was given up is sent again: as it is, or with an `event_id` if it has none."""
    if "event_id" in event:
        return Resend(record_id, data, product_id, event["event_id"], "its own")
    event_id = derived_event_id(record_id)
    return Resend(record_id, json.dumps(event | {"event_id": event_id}).encode(), product_id, event_id, DERIVED)


def finish(cloud: Cloud, outputs: dict[str, str], record_id: str, event_id: str, place: str, since: str) -> None:
    """Note that a record was sent again by somebody who was interrupted then. `since`: when that began."""
    note = f"as event_id {event_id}, record {place}"
    _decide(cloud, outputs["QuarantineTableName"], record_id, "re_sent", note, since)


def leave_open(cloud: Cloud, outputs: dict[str, str], record_id: str, note: str, since: str) -> None:
    """Leave a claim to a person, and say why it was not sent again. `since`: when its re-sending began, if it did."""
    _decide(cloud, outputs["QuarantineTableName"], record_id, "open", note, since)


def derived_event_id(record_id: str) -> str:
    """Make an `event_id` for an event that has none: always the same for one record."""
    return f"re-sent-{hashlib.sha256(record_id.encode()).hexdigest()[:40]}"


def _decide(cloud: Cloud, table: str, record_id: str, state: str, note: str, since: str = "") -> str:
    """Move a record to a state, if it is where it may move from. Returns when that was.

    `since` is when `re_sending` began here; a re-sending that somebody else began meanwhile is left to them.
    """
    began, dynamodb = now(), cloud.client("dynamodb")
    if state == "dismissed" or (state == "open" and not since):
        condition, values = "#state = :open", {":open": "open"}
    elif state == "re_sending":
        condition, values = "#state = :open OR #state = :under_way", {":open": "open", ":under_way": "re_sending"}
    else:
        condition, values = "#state = :under_way AND decided_at = :since", {":under_way": "re_sending", ":since": since}
    values |= {":state": state, ":now": began, ":by": who(), ":note": note}
    try:
        dynamodb.update_item(
            TableName=table,
            Key={"record_id": {"S": record_id}},
            UpdateExpression="SET #state = :state, decided_at = :now, decided_by = :by, note = :note",
            ConditionExpression=condition,
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={name: {"S": value} for name, value in values.items()},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        raise UserError(_decided(quarantine.item_of(cloud, table, record_id))) from None
    return began


def now() -> str:
    """Write what time it is."""
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="microseconds")


def who() -> str:
    """Name whoever decides."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user may have no name
        return "somebody"


def _decided(item: dict[str, Any]) -> str:
    by, when = item.get("decided_by", "nobody"), item.get("decided_at", "never")
    return f"{item['record_id']} is {item['state']}, by {by} at {when}: {item.get('note', '')}"


def _whole(cloud: Cloud, outputs: dict[str, str], item: dict[str, Any]) -> bytes:
    """Return the record's bytes; what was cut off is read from the stream."""
    if not item.get("truncated"):
        return item["data"]
    place = item["shard_id"], item["sequence_number"]
    found = stream.record_at(cloud.client("kinesis"), outputs["StreamName"], *place)
    if found is None:
        raise UserError(f"{item['record_id']}: only its beginning is kept, and the stream has forgotten the rest")
    return found.data


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
