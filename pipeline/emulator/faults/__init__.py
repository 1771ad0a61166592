"""Faults of the local cloud, by name: which there are, and which are in force. `hooks.py` makes them happen.

AWS Fault Injection Service's names where it has the action, with its operations and its percentage; names of our own
for what it has not. A small file in the cloud's folder says what is in force; the processes of the cloud look at it.
"""

import json
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from random import random
from typing import NamedTuple

from pipeline.errors import WrongUsageError

FILE = "faults.json"  # in the cloud's folder, which is where its processes run


class Kind(NamedTuple):
    """What a fault does, and to which operations it can."""

    does: str
    operations: tuple[str, ...]


THROUGHPUT = "aws:kinesis:stream-provisioned-throughput-exception"
EXPIRED = "aws:kinesis:stream-expired-iterator-exception"
INVOCATION_ERROR = "aws:lambda:invocation-error"
INVOCATION_DELAY = "aws:lambda:invocation-add-delay"
IN_PART = "kinesis-put-records-in-part"
PUT_ANSWER_LOST = "kinesis-put-answer-lost"
THROTTLED = "dynamodb-throttled"
STATEMENT_REFUSED = "dynamodb-statement-refused"
ANSWER_LOST = "dynamodb-answer-lost"
NO_PERMISSION = "dynamodb-no-permission"
TIME_OUT = "lambda-time-out"
WORKER_KILLED = "lambda-worker-killed"
RUNTIME_KILLED = "pipe-runtime-killed"

PUTS = ("PutRecord", "PutRecords")
READS = ("GetRecords", "GetShardIterator")
WRITES = ("BatchExecuteStatement",)
KINDS = {
    THROUGHPUT: Kind("Kinesis refuses requests: a shard's capacity is used up", (*READS, *PUTS)),
    EXPIRED: Kind("Kinesis refuses shard iterators: they are too old", ("GetRecords",)),
    IN_PART: Kind("Kinesis takes a part of a request's records, within an HTTP 200", ("PutRecords",)),
    PUT_ANSWER_LOST: Kind("Kinesis takes the records, and the producer is answered with an error", PUTS),
    THROTTLED: Kind("DynamoDB refuses requests: too many of them", ("BatchGetItem", *WRITES)),
    STATEMENT_REFUSED: Kind("DynamoDB throttles one statement of a request, within an HTTP 200", WRITES),
    ANSWER_LOST: Kind("DynamoDB carries a request out, and answers with an error", WRITES),
    NO_PERMISSION: Kind("the projector may not write: a permission was taken away", WRITES),
    INVOCATION_ERROR: Kind("the function runs, and the pipe is answered with an error", ("Invoke",)),
    INVOCATION_DELAY: Kind("the function starts a second late", ("Invoke",)),
    TIME_OUT: Kind("the function does nothing until its time is over", ("Invoke",)),
    WORKER_KILLED: Kind("the function's process is killed in mid-batch", ("Invoke",)),
    RUNTIME_KILLED: Kind("the process that carries the records is killed, twice a second", ("Serve",)),
}


@dataclass(frozen=True)
class Fault:
    """A fault in force. `until`: epoch seconds. `percent`: of the requests, or statements, that it can strike."""

    name: str
    percent: int
    operations: tuple[str, ...]
    until: float


def make(name: str, percent: int, seconds: float, operations: Collection[str] = ()) -> Fault:
    """Make a fault that begins now.

    Raises:
        WrongUsageError: there is none of that name, or it cannot strike an operation that is named.
    """
    if name not in KINDS:
        raise WrongUsageError(f"there is no fault {name!r}; the faults are {', '.join(KINDS)}")
    known = KINDS[name].operations
    if unknown := sorted(set(operations) - set(known)):
        raise WrongUsageError(f"{name} cannot strike {unknown[0]}; what it can strike is {', '.join(known)}")
    return Fault(name, percent, tuple(operations) or known, time.time() + seconds)


def in_force(folder: Path) -> list[Fault]:
    """Return the faults that a cloud's folder names, and that are not over."""
    try:
        written = json.loads((folder / FILE).read_text())
    except (OSError, ValueError):
        return []
    faults = [Fault(**fault | {"operations": tuple(fault["operations"])}) for fault in written]
    return [fault for fault in faults if fault.until > time.time()]


def as_json(faults: Collection[Fault]) -> list[dict]:
    """Write faults as `in_force` reads them."""
    return [asdict(fault) for fault in faults]


class Watch:
    """What a process of the cloud asks again and again: has a fault come into force, and does it strike now?"""

    def __init__(self, folder: Path) -> None:
        self._folder, self._written_at, self._faults = folder, 0, dict[str, Fault]()
        self._has_struck = set[str]()

    def strikes(self, name: str, operation: str) -> bool:
        """Say whether a fault strikes the operation that is about to be carried out: the first, then by chance."""
        self._look()
        fault = self._faults.get(name)
        if fault is None or operation not in fault.operations or time.time() >= fault.until:
            return False
        strikes = name not in self._has_struck or random() * 100 < fault.percent
        self._has_struck.add(name)
        return strikes

    def _look(self) -> None:
        written_at = 0
        with suppress(OSError):
            written_at = (self._folder / FILE).stat().st_mtime_ns
        if written_at != self._written_at:
            self._written_at = written_at
            self._has_struck.clear()
            self._faults = {fault.name: fault for fault in in_force(self._folder)}
