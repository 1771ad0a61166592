"""The page docs/pipe-conformance.md, made from the suite. `python -m tests.local_cloud.facts` writes it."""

import inspect
import re
from collections import Counter
from pathlib import Path

from tests.local_cloud import test_conformance as conformance
from tests.local_cloud.test_conformance_has_teeth import WRONG

PAGE = Path(__file__).parents[2] / "docs" / "pipe-conformance.md"
HEAD = """\
# What the local pipe does as EventBridge Pipes does

Made from `tests/local_cloud/test_conformance.py` by `python -m tests.local_cloud.facts`; a test is red while it is
stale. Every fact is a test of the real runtime (`pipeline/local_cloud`) against a Kinesis stream in process, whose
shards split, merge, close and throttle as AWS's do. "Fails for" counts the deliberately wrong runtimes that the test
was seen to find out (`test_conformance_has_teeth.py`). What the emulator can do is checked there again
(`test_on_the_emulator.py`).

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


def page() -> str:
    """Return the whole page."""
    teeth = Counter(name for name, *_ in WRONG)
    rows = [_row(name, teeth[name.removeprefix("test_")]) for name in vars(conformance) if name.startswith("test_")]
    missing = [f"| {fact} | {source} | | no |" for fact, source in conformance.NOT_HELD.items()]
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


def _row(name: str, wrong_runtimes: int) -> str:
    source = " ".join((inspect.getdoc(getattr(conformance, name)) or "").split()).replace("|", "\\|").rstrip(".")
    fact = re.sub(r"\baws\b", "AWS", name.removeprefix("test_").replace("_", " ")).capitalize()
    fact = fact.replace("aws", "AWS").replace("json", "JSON").replace("Json", "JSON").replace("fifo", "FIFO")
    return f"| {fact} | {source} | `{name}` | yes | {wrong_runtimes} wrong |"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
