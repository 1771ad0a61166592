"""The limits of AWS that the local cloud has too, so that what AWS would refuse is refused here first.

All are in force unless INVENTORY_LIMITS_OFF names them. `docs/limits.md` has their sources and their tests.
"""

import os
from collections.abc import Iterable

from pipeline.errors import WrongUsageError

VARIABLE = "INVENTORY_LIMITS_OFF"
LIMITS = {  # by name: what is refused
    "kinesis-reads": "a sixth GetRecords in a second on a shard, and more than 2 MB a second of it",
    "kinesis-writes": "more than 1,000 records or 1 MB a second on a shard; a PutRecords then fails in part",
    "kinesis-sizes": "a record above 1 MiB, a PutRecords above 500 records or 10 MiB",
    "pipe-start": "records that wait before a pipe begins to poll, each time it is made, changed or started",
    "pipe-disabled": "a pipe that meets 4xx errors without a break",
    "sqs-short-polls": "most of the messages, to a poll that does not wait",
    "lambda-sizes": "an invocation with a payload or an answer above 6 MB; above 1 MB, if nobody waits for the answer",
    "dynamodb-hot-keys": "more than 1,000 write units a second on one key",
    "dynamodb-answers": "more than 16 MB in one answer of BatchGetItem; the rest is left unprocessed",
}
OF_RATES = ("kinesis-reads", "kinesis-writes")  # what a benchmark switches off, to measure the machine


def switched_off() -> frozenset[str]:
    """Return the limits that INVENTORY_LIMITS_OFF names, a list with commas.

    Raises:
        WrongUsageError: there is no limit of such a name.
    """
    names = frozenset(filter(None, map(str.strip, os.environ.get(VARIABLE, "").split(","))))
    if unknown := sorted(names - LIMITS.keys()):
        raise WrongUsageError(f"{VARIABLE}: there is no limit {unknown[0]!r}; the limits are {', '.join(LIMITS)}")
    return names


def is_on(name: str) -> bool:
    """Say whether a limit is in force."""
    return name not in switched_off()


def off(names: Iterable[str]) -> dict[str, str]:
    """Return the variable that switches limits off, for the environment of a process."""
    return {VARIABLE: ",".join(sorted(names))}
