"""What a redrive changes: one method for each change."""

import time
from collections.abc import Sequence
from typing import Any

from stock_projector.events import Record, Refusal, SequenceNumber, parse
from stock_projector.quarantine import Refused, item_for

from pipeline.cloud import Cloud
from pipeline.reading import queues
from pipeline.reading.stream import StreamRecord
from pipeline.recovery import resend
from pipeline.recovery.rules import Entry, id_of

DAY = 86_400


class Hands:
    """Carries out. Each method may be called again after an interruption."""

    def __init__(self, cloud: Cloud, outputs: dict[str, str]) -> None:
        self._cloud, self._outputs = cloud, outputs
        self.function = cloud.client("lambda").get_function_configuration(FunctionName=outputs["ProjectorName"])

    def refuse(self, record: StreamRecord, reason: str) -> dict[str, Any] | None:
        """Quarantine what is no event, as the projector would. Like the next two: None if it is there already."""
        refusal = parse(as_given(record))
        detail = refusal.detail if isinstance(refusal, Refusal) else ""
        return self._put(record, reason, detail)

    def dismiss(self, record: StreamRecord, why: str) -> dict[str, Any] | None:
        """Claim a record, and decide at once that it is not to be applied."""
        decided = {"state": "dismissed", "decided_at": resend.now(), "decided_by": resend.who(), "note": why}
        return self._put(record, "given_up", "the pipe gave it up", **decided)

    def claim(self, record: StreamRecord, why: str) -> dict[str, Any] | None:
        """Claim a record: quarantine it as given up. Only whoever does that goes on with it."""
        return self._put(record, "given_up", f"the pipe gave it up; {why}")

    def send(self, claim: Entry) -> Entry:
        """Send a claimed record again. Returns the new record."""
        prepared = self._prepared(claim)
        sent = resend.resend(self._cloud, self._outputs, prepared)
        place = sent.shard_id, sent.sequence_number
        return claim._replace(record=StreamRecord(prepared.data, prepared.product_id, *place, time.time()))

    def finish(self, claim: Entry, again: Entry, refused: dict[str, Any]) -> None:
        """Note that a claimed record was sent again before."""
        resend.finish(
            self._cloud, self._outputs, claim.record_id, claim.event_id, again.record_id, refused["decided_at"]
        )

    def leave_open(self, claim: Entry, why: str, refused: dict[str, Any]) -> None:
        """Leave a claim to a person."""
        since = refused["decided_at"] if refused["state"] == "re_sending" else ""
        resend.leave_open(self._cloud, self._outputs, claim.record_id, f"not sent again: {why}", since)

    def delete(self, message_ids: Sequence[str]) -> None:
        """Delete letters."""
        if message_ids:
            queues.delete(self._cloud.client("sqs"), self._outputs["DeadLetterQueueUrl"], set(message_ids))

    def _prepared(self, claim: Entry) -> resend.Resend:
        return resend.of_claim(claim.record_id, claim.event, claim.record.data, claim.record.partition_key)

    def _put(self, record: StreamRecord, reason: str, detail: str, **decided: str) -> dict[str, Any] | None:
        decided = {"state": "open", **decided}
        dynamodb = self._cloud.client("dynamodb")
        keep_seconds = int(self.function["Environment"]["Variables"]["QUARANTINE_DAYS"]) * DAY
        refusal: Any = Refusal(reason, detail)  # type: ignore[arg-type]  # the projector itself never gives up
        item = item_for(Refused(as_given(record), refusal), time.time(), keep_seconds)
        item |= {name: {"S": value} for name, value in decided.items()}
        try:
            dynamodb.put_item(
                TableName=self._outputs["QuarantineTableName"],
                Item=item,
                ConditionExpression="attribute_not_exists(record_id)",
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return None
        return {"record_id": id_of(record), "reason": reason} | decided


class Rehearsal(Hands):
    """On the cloud of a dry run. It need not receive the letters again to tell that they would be deleted."""

    def delete(self, message_ids: Sequence[str]) -> None:
        """Tell which letters would be deleted."""
        for message_id in message_ids:
            self._cloud.client("sqs").delete_message(
                QueueUrl=self._outputs["DeadLetterQueueUrl"], ReceiptHandle=f"of message {message_id}"
            )


def as_given(record: StreamRecord) -> Record:
    """Write a record as the projector is given it."""
    place = SequenceNumber(record.sequence_number)
    return Record(record.data, record.partition_key, place, record.shard_id, record.arrived_at, id_of(record))
