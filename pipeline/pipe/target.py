"""Call the target and read its answer: what it took, what has to come again, and whose fault that is."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from pipeline.pipe.records import Batch, FlatRecord
from pipeline.pipe.settings import PipeSettings

TAKEN = "taken"
PARTIALLY_FAILED = "partially_failed"  # the target named records that have to come again
FAILED = "failed"  # the function raised, or answered what cannot be understood
TIMED_OUT = "timed_out"  # the function did, or the pipe's own five minutes were over
REFUSED = "refused"  # no permission, no such function, too large: the set-up is wrong
THROTTLED = "throttled"  # the function has no capacity left
UNREACHABLE = "unreachable"  # no connection, or a fault of the service

THROTTLES = {"TooManyRequestsException", "ThrottlingException", "Throttling", "EC2ThrottledException"}
TASK_TIMED_OUT = re.compile(r"Task timed out after|Sandbox\.Timedout")

Invoke = Callable[[bytes], dict[str, Any]]  # → `FunctionError`, or not, and `Payload` (bytes)


@dataclass(frozen=True)
class InvocationResult:
    """How one invocation of the target ended."""

    kind: str
    again: Batch  # the records that have to come again, in their order
    why: str = ""

    @property
    def reached_the_function(self) -> bool:
        """Say whether the function saw the batch: only then can a smaller one do better."""
        return self.kind in (TAKEN, PARTIALLY_FAILED, FAILED, TIMED_OUT)

    @property
    def counts(self) -> bool:
        """Say whether it counts against MaximumRetryAttempts. The pipe's and the service's own faults do not."""
        return self.kind not in (THROTTLED, UNREACHABLE)


def call(invoke: Invoke, render: Callable[[Batch], bytes], batch: Batch, pipe: PipeSettings) -> InvocationResult:
    """Invoke the target once with a batch."""
    try:
        answer = invoke(render(batch))
        body = answer["Payload"]
    except Exception as error:
        return InvocationResult(kind_of(error), batch, str(error))
    if answer.get("FunctionError"):
        text = body.decode(errors="replace")
        kind = TIMED_OUT if TASK_TIMED_OUT.search(text) else FAILED
        return InvocationResult(
            kind, batch, f"the function {'timed out' if kind == TIMED_OUT else 'failed'}: {text[:500]}"
        )
    named, why = failures_named_in(body, batch, pipe.item_identifier)
    if not named:
        return InvocationResult(TAKEN, [])
    why_again = why or f"the target named {len(named)} of {len(batch)}"
    return InvocationResult(FAILED if why else PARTIALLY_FAILED, _again(named, batch, pipe.partial_failure), why_again)


def _again(named: Batch, batch: Batch, partial_failure: str) -> Batch:
    """Return the records that come again when the target named some."""
    first = 0 if partial_failure == "whole" else batch.index(named[0])
    return named if partial_failure == "named" else batch[first:]


def failures_named_in(body: bytes, batch: Batch, identifier: str = "eventID") -> tuple[Batch, str]:
    """Read which records the target names as failed.

    Args:
        body: the target's answer. Without a `batchItemFailures` in it, all went well.
        batch: what it was sent.
        identifier: what names a record: `eventID`, `sequenceNumber`, or `either`.

    Returns:
        The failed records, and why that is the whole batch, if it is for an answer that cannot be understood.
    """
    try:
        answer = json.loads(body or b"null")
        named = (answer.get("batchItemFailures") if isinstance(answer, dict) else None) or []
        identifiers = {item["itemIdentifier"] for item in named}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return batch, f"the target's answer cannot be understood: {error!r}"
    by_name: dict[str, FlatRecord] = {}
    if identifier in ("eventID", "either"):
        by_name |= {record.event_id: record for record in batch}
    if identifier in ("sequenceNumber", "either"):
        by_name |= {record.sequence_number: record for record in batch}
    unknown = [name for name in identifiers if name not in by_name]
    if unknown:
        return batch, f"the target named a record that was not in the batch: {unknown[0]!r}"
    failed = {by_name[name].event_id for name in identifiers}
    return [record for record in batch if record.event_id in failed], ""


def kind_of(error: Exception) -> str:
    """Say whose fault an error of a client is."""
    if isinstance(error, ReadTimeoutError):
        return TIMED_OUT
    if not isinstance(error, ClientError):
        return UNREACHABLE if not isinstance(error, ValueError) else FAILED
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    if error.response["Error"]["Code"] in THROTTLES or status == 429:
        return THROTTLED
    return UNREACHABLE if status >= 500 else REFUSED
