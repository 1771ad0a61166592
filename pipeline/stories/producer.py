"""The mock event generator: sends a story to the stream, every product's events in their order.

PutRecords may fail in part, and keeps no order across that. So a product is never in flight twice: a request holds at
most one record of each, and a product's next record waits until the one before it was accepted.
"""

import json
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from pathlib import Path
from typing import Any, TextIO

from botocore.exceptions import BotoCoreError, ClientError
from tqdm import tqdm

from pipeline.emulator.process import uninterrupted
from pipeline.errors import UserError
from pipeline.stories.scenarios import NewRecord

MOST_RECORDS = 500  # in one PutRecords
MOST_BYTES = 4 * 1024 * 1024  # in one PutRecords, of the 5 MB that it takes
MOST_FAILURES = 60  # requests in a row in which not one record was accepted
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.05, 2.0

Head = tuple[int, NewRecord]  # an entry with its place in the story


@dataclass(frozen=True)
class Sent:
    """What was sent: how many records, in how many seconds, in how many requests."""

    records: int
    seconds: float
    requests: int


class Backlog:
    """What is still to be sent. Offers the earliest entries, of each partition key one at a time."""

    def __init__(self, entries: Iterable[NewRecord]) -> None:
        self._waiting: dict[str, deque[Head]] = defaultdict(deque)
        for place, entry in enumerate(entries):
            self._waiting[entry.partition_key].append((place, entry))
        self._ready: list[tuple[int, str]] = [(heads[0][0], key) for key, heads in self._waiting.items()]
        heapify(self._ready)

    def take(self, most: int) -> list[NewRecord]:
        """Take the entries of one request."""
        taken: list[NewRecord] = []
        room = MOST_BYTES
        while self._ready and len(taken) < most:
            entry = self._waiting[self._ready[0][1]][0][1]
            room -= len(entry.data) + len(entry.partition_key)
            if room < 0 and taken:
                break
            heappop(self._ready)
            taken.append(entry)
        return taken

    def accepted(self, entry: NewRecord) -> None:
        """Let the key's next entry come."""
        self._waiting[entry.partition_key].popleft()
        self.again(entry)

    def again(self, entry: NewRecord) -> None:
        """Offer what comes next under the entry's key: after a failure, the entry itself."""
        heads = self._waiting[entry.partition_key]
        if heads:
            heappush(self._ready, (heads[0][0], entry.partition_key))


def publish(
    kinesis: Any,
    stream_name: str,
    entries: Iterable[NewRecord],
    *,
    rate: float | None = None,
    sent_log: Path | None = None,
    progress: bool = True,
    on_sent: Callable[[int], None] = lambda count: None,
    wait: Callable[[float], None] = time.sleep,
) -> Sent:
    """Send a story and return when every record of it was accepted.

    Args:
        kinesis: a boto3 Kinesis client.
        stream_name: the stream.
        entries: the story, in order.
        rate: records per second at most; None for as fast as it goes.
        sent_log: a file to append one JSON line to for every accepted record: where it lies, and when it was accepted.
        progress: whether to draw a progress bar on stderr.
        on_sent: told how many records have been accepted so far, after every request.
        wait: waits so many seconds.

    Raises:
        UserError: the stream stopped accepting records. What was accepted is in the sent log.
    """
    story = list(entries)
    backlog = Backlog(story)
    started, accepted, requests, failures = time.monotonic(), 0, 0, 0
    with ExitStack() as stack:
        log = stack.enter_context(_open(sent_log)) if sent_log else None
        bar = stack.enter_context(tqdm(total=len(story), unit=" records", disable=not progress, file=sys.stderr))
        while accepted < len(story):
            allowed = _allowed(rate, started, accepted)
            if not allowed:
                wait(min(1 / (rate or 1), 0.05))
                continue
            request = backlog.take(min(allowed, MOST_RECORDS))
            with uninterrupted():  # or what was accepted could be missing in the log
                results, trouble = _put(kinesis, stream_name, request)
                sent = [each for each in zip(request, results, strict=True) if "SequenceNumber" in each[1]]
                _note(log, sent)
            requests += 1
            for entry, result in zip(request, results, strict=True):
                (backlog.accepted if "SequenceNumber" in result else backlog.again)(entry)
            accepted += len(sent)
            bar.update(len(sent))
            on_sent(accepted)
            failures = 0 if sent else failures + 1
            if failures > MOST_FAILURES:
                raise UserError(f"the stream accepted {accepted} of {len(story)} records, then no more: {trouble}")
            if len(sent) < len(request):
                wait(min(FIRST_WAIT_SECONDS * 2**failures, LONGEST_WAIT_SECONDS))
    return Sent(accepted, time.monotonic() - started, requests)


def entries_in(path: Path) -> list[NewRecord]:
    """Read a file of events, one a line, to be sent just as they are: also those that are no good."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise UserError(f"cannot read the events in {path}: {error.strerror}") from error
    entries = [NewRecord(line, _key_of(line)) for line in lines if line.strip()]
    if not entries:
        raise UserError(f"there are no events in {path}: it should hold one JSON object a line")
    return entries


def _put(kinesis: Any, stream_name: str, request: list[NewRecord]) -> tuple[list[dict[str, Any]], str]:
    """Put records. Returns one result for each, those accepted with their `SequenceNumber`, and what went wrong."""
    records = [{"Data": entry.data, "PartitionKey": entry.partition_key} for entry in request]
    try:
        results = kinesis.put_records(StreamName=stream_name, Records=records)["Records"]
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if (
            "Throughput" in code
            or "Limit" in code
            or "Throttl" in code
            or error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
        ):
            return [{} for _ in request], str(error)
        raise UserError(f"the stream {stream_name} refuses records: {error.response['Error']['Message']}") from error
    except BotoCoreError as error:
        return [{} for _ in request], str(error)
    return results, next((str(result.get("ErrorMessage")) for result in results if "ErrorCode" in result), "")


def _allowed(rate: float | None, started: float, accepted: int) -> int:
    return MOST_RECORDS if rate is None else int((time.monotonic() - started) * rate + 1) - accepted


def _note(log: TextIO | None, sent: list[tuple[NewRecord, dict[str, Any]]]) -> None:
    if log:
        now = round(time.time(), 3)
        for entry, result in sent:
            place = {"shard_id": result["ShardId"], "sequence_number": result["SequenceNumber"]}
            log.write(json.dumps({"partition_key": entry.partition_key, **place, "accepted_at": now}) + "\n")
        log.flush()


def _open(path: Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a")
    except OSError as error:
        raise UserError(f"cannot write the sent log {path}: {error.strerror}") from error


def _key_of(line: bytes) -> str:
    """Return the product's id, or for a line that names none a key that it can be quarantined under."""
    try:
        key = json.loads(line, parse_int=float)["product"]["product_id"]  # int refuses very long ones
        key.encode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "no-product"
    return key if 1 <= len(key) <= 256 else "no-product"


if __name__ == "__main__":
    from pipeline.__main__ import main

    sys.exit(main(["send", *sys.argv[1:]]))
