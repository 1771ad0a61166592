"""The page docs/pipe-conformance.md, made from the suite. `python -m tests.pipe.facts` writes it."""

import inspect
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.pipe import conformance
from tests.pipe.test_conformance_has_teeth import WRONG

PAGE = Path(__file__).parents[2] / "docs" / "pipe-conformance.md"
HEAD = """\
# What the local pipe does as EventBridge Pipes does

Made from `tests/pipe/conformance` by `python -m tests.pipe.facts`; a test is red while it is
stale. Every fact is a test of the real runtime (`pipeline/pipe`) against a Kinesis stream in process, whose
shards split, merge, close and throttle as AWS's do. "Fails for" counts the deliberately wrong runtimes that the test
was seen to find out (`test_conformance_has_teeth.py`). What the emulator can do is checked there again
(`tests/emulator/test_pipe_on_the_emulator.py`).

"Guide" is the EventBridge user guide, by page; "API model" is the Pipes API as botocore carries it; "ours" is what AWS
does not say or does not have. (?) marks our reading of a gap.
"""
SETTINGS = """\
## Where sources disagree

The default is what AWS documents for pipes; an environment variable of whoever starts the local cloud changes it.

| question | default | the other reading |
|---|---|---|
| What names a failed record? | `eventID`: guide, eb-pipes-batching-concurrency | \
`PIPES_ITEM_IDENTIFIER=sequenceNumber` (the Lambda guide, \
for event source mappings; readers and helpers written for those), or `either` |
| Do `wildcard`, and `anything-but` with an operator in it, work in a filter? | no, the pipe is not run: guide, \
eb-create-pattern-operators, column "Pipe support" | `PIPES_EVENT_BUS_OPERATORS=1`: as on an event bus |
"""

NOT_HELD = {
    "Records may be pushed to a consumer with enhanced fan-out": "Guide, eb-pipes-kinesis",
    "A pipe may enrich its records; such a pipe is not run, and says so": "Guide, pipes-enrichment",
    "Targets other than Lambda; such a pipe is not run, and says so": "Guide, eb-pipes-event-target",
    "A pipe that meets nearly continuous 4xx errors may be disabled": "Guide, eb-pipes-error-troubleshooting",
    "A failed condition while a pipe is created shows in its StateReason": "Guide, eb-pipes-error-troubleshooting",
    "Exact matching of numbers compares how they are written (300.0 and 3.0e2 differ)": "Guide, eb-event-patterns",
}


def page() -> str:
    """Return the whole page."""
    teeth = Counter(name for name, *_ in WRONG)
    rows = [_row(name, test, teeth[name.removeprefix("test_")]) for name, test in conformance.facts().items()]
    missing = [f"| {fact} | {source} | | no |" for fact, source in NOT_HELD.items()]
    return "\n".join(
        [
            HEAD,
            "| fact | source | test | holds | fails for |",
            "|---|---|---|---|---|",
            *rows,
            "",
            "## What does not hold",
            "",
            "| fact | source | test | holds |",
            "|---|---|---|---|",
            *missing,
            "",
            SETTINGS,
        ]
    )


def _row(name: str, test: Callable[..., None], wrong_runtimes: int) -> str:
    source = " ".join((inspect.getdoc(test) or "").split()).replace("|", "\\|").rstrip(".")
    fact = re.sub(r"\baws\b", "AWS", name.removeprefix("test_").replace("_", " ")).capitalize()
    fact = fact.replace("aws", "AWS").replace("json", "JSON").replace("Json", "JSON").replace("fifo", "FIFO")
    return f"| {fact} | {source} | `{name}` | yes | {wrong_runtimes} wrong |"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
