"""The mock event generator: sends a story to the stream, every product's events in their order.

PutRecords may fail in part, and keeps no order across that. So a product is never in flight twice: a request holds at
most one record of each, and a product's next record waits until the one before it was accepted.
"""

import math
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.arguments import Call, bounded, run, tell, verb
from pipeline.errors import UserError
from pipeline.interrupts import uninterrupted
from pipeline.provisioning.deployment import Deployment
from pipeline.stories import event_file
from pipeline.stories.backlog import Backlog, Placed
from pipeline.stories.popularity import SKEWS, is_skew
from pipeline.stories.scenarios import SCENARIOS, NewRecord, write_story
from pipeline.stories.sent_log import Accepted, SentLog, remaining

MOST_RECORDS = 500  # in one PutRecords
MOST_FAILURES = 60  # requests in a row in which not one record was accepted
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.05, 2.0


@dataclass(frozen=True)
class Sent:
    """What was sent: how many records, in how many seconds, in how many requests."""

    records: int
    seconds: float
    requests: int


def publish(
    kinesis: Any,
    stream_name: str,
    records: Iterable[NewRecord],
    *,
    rate: float | None = None,
    sent_log: Path | None = None,
    resume: bool = False,
    progress: bool = True,
    on_sent: Callable[[int], None] = lambda count: None,
    on_failure: Callable[[], None] = lambda: None,
    wait: Callable[[float], None] = time.sleep,
) -> Sent:
    """Send a story and return when every record of it was accepted.

    Args:
        kinesis: a boto3 Kinesis client.
        stream_name: the stream.
        records: the story, in order.
        rate: records per second at most; None for as fast as it goes.
        sent_log: a file to append one JSON line to for every accepted record: where it lies, and when it was accepted.
        resume: whether to go on with the last sending of this story that the sent log knows, if it was stopped.
        progress: whether to draw a progress bar on stderr.
        on_sent: told how many records have been accepted so far, after every request.
        on_failure: called after a request of which nothing was accepted; may raise what ends the sending.
        wait: waits so many seconds.

    Raises:
        UserError: the stream stopped accepting records. What was accepted is in the sent log.
    """
    from tqdm import tqdm

    story = list(records)
    with ExitStack() as stack:
        log = stack.enter_context(SentLog(sent_log, story, resume)) if sent_log else None
        left = [(place, story[place]) for place in (log.left if log else range(len(story)))]
        bar = stack.enter_context(tqdm(total=len(left), unit=" records", disable=not progress, file=sys.stderr))
        backlog = Backlog(left)
        started, count, requests, failures = time.monotonic(), 0, 0, 0
        while count < len(left):
            allowed = _allowed(rate, started, count)
            if not allowed:
                wait(min(1 / (rate or 1), 0.05))
                continue
            request = backlog.take(allowed)
            with uninterrupted():  # or what was accepted could be missing in the log
                accepted, trouble = _put(kinesis, stream_name, request)
                if log:
                    log.note(accepted)
            requests += 1
            accepted_keys = {record.partition_key for _, record, _ in accepted}
            for _, record in request:
                (backlog.accepted if record.partition_key in accepted_keys else backlog.again)(record.partition_key)
            count += len(accepted)
            bar.update(len(accepted))
            on_sent(count)
            failures = 0 if accepted else failures + 1
            if failures:
                on_failure()
            if failures > MOST_FAILURES:
                raise UserError(f"the stream accepted {count} of {len(left)} records, then no more: {trouble}")
            if len(accepted) < len(request):
                wait(min(FIRST_WAIT_SECONDS * 2**failures, LONGEST_WAIT_SECONDS))
    return Sent(count, time.monotonic() - started, requests)


def send(deployment: Deployment, records: Iterable[NewRecord], **options: Any) -> Sent:
    """Send a story to a deployment's stream; its sent log notes what was accepted. For the options see `publish`."""
    kinesis, stream_name = deployment.cloud.client("kinesis"), deployment.outputs["StreamName"]
    must_answer = deployment.cloud.must_answer
    return publish(kinesis, stream_name, records, sent_log=deployment.sent_log, on_failure=must_answer, **options)


def _put(kinesis: Any, stream_name: str, request: list[Placed]) -> tuple[list[Accepted], str]:
    """Put records. Returns those that were accepted, with what Kinesis says of each, and what went wrong."""
    records = [{"Data": record.data, "PartitionKey": record.partition_key} for _, record in request]
    try:
        results = kinesis.put_records(StreamName=stream_name, Records=records)["Records"]
    except ClientError as error:
        if not _will_pass(error):
            message = error.response["Error"]["Message"]
            raise UserError(f"the stream {stream_name} refuses records: {message}") from error
        return [], str(error)
    except BotoCoreError as error:
        return [], str(error)
    answered = zip(request, results, strict=True)
    accepted = [(place, record, result) for (place, record), result in answered if "SequenceNumber" in result]
    return accepted, next((str(result.get("ErrorMessage")) for result in results if "ErrorCode" in result), "")


def _will_pass(error: ClientError) -> bool:
    """Say whether trying again can help."""
    code, http_status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    return http_status >= 500 or any(word in code for word in ("Throughput", "Limit", "Throttl"))


def _allowed(rate: float | None, started: float, accepted: int) -> int:
    """Return how many records may go now."""
    if rate is None:
        return MOST_RECORDS
    return int(min(MOST_RECORDS, (time.monotonic() - started) * rate + 1 - accepted))


@verb("send")
@click.option("--events", type=click.IntRange(min=1), default=1000, show_default=True, help="how many records")
@click.option("--products", type=click.IntRange(min=1), default=20, show_default=True, help="about how many products")
@click.option(
    "--skew",
    type=float,
    callback=bounded(is_skew, f"a skew: {SKEWS}"),
    default=0.0,
    show_default=True,
    help="0: all products alike; 1: the k-th gets 1/k of the first one's events",
)
@click.option(
    "--rate",
    type=float,
    callback=bounded(lambda rate: 0 < rate < math.inf, "a rate above 0"),
    help="records per second at most  [default: as fast as it goes]",
)
@click.option("--seed", type=int, default=7, show_default=True, help="another seed, another story")
@click.option("--scenario", "name", type=click.Choice(list(SCENARIOS)), default="everyday", show_default=True)
@click.option("--file", type=click.Path(path_type=Path), help="publish the lines of this file instead, as they are")
@click.option("--resume", is_flag=True, help="send only what a sending of the same that was stopped had left")
@click.option("--again", is_flag=True, help="send all of it, although a sending of the same was stopped")
def command(call: Call, file: Path | None, rate: float | None, resume: bool, again: bool, **story: Any) -> None:
    """Generate and publish events, or publish those of a file as they are."""
    records = event_file.read(file) if file else write_story(**story)
    deployment = call.find()
    left = remaining(deployment.sent_log, records)
    if 0 < left < len(records) and not (resume or again):
        raise UserError(
            f"{len(records) - left} of these {len(records)} records were sent before, then the sending was stopped. "
            f"To send the other {left}, add --resume; to send all of them once more, --again"
        )
    to_send, accepted, started = left if resume else len(records), 0, time.monotonic()

    def note(count: int) -> None:
        nonlocal accepted
        accepted = count

    def facts() -> dict[str, Any]:
        return {
            "sent": accepted,
            "unsent": to_send - accepted,
            "scenario": None if file else story["name"],
            "seed": None if file else story["seed"],
            "seconds": round(time.monotonic() - started, 3),
            "sent_log": str(deployment.sent_log),
        }

    try:
        send(deployment, records, rate=rate, resume=resume, on_sent=note)
    except (UserError, KeyboardInterrupt):  # and how far it came
        if call.as_json:
            call.show(facts(), [])
        if accepted:
            tell(f"{accepted} of {to_send} records were sent. To send the others, add --resume to the same command")
        raise
    call.show(facts(), ["{sent} records in {seconds:.1f} s. Where each lies: {sent_log}".format(**facts())])


if __name__ == "__main__":
    sys.exit(run(command, "inventory send", sys.argv[1:]))
