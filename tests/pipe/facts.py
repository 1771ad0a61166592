"""The page docs/pipe-conformance.md, made from the suite. `python -m tests.pipe.facts` writes it."""

import inspect
import re
from collections import Counter
from collections.abc import Callable

from pipeline.paths import ROOT
from tests.pipe import conformance
from tests.pipe.wrong_runtimes import WRONG

PAGE = ROOT / "docs" / "pipe-conformance.md"
HEAD = """\
# What the local pipe does as EventBridge Pipes does

Made from `tests/pipe/conformance` by `python -m tests.pipe.facts`; a test is red while it is
stale. Every fact is a test of the real runtime (`pipeline/pipe`) against a Kinesis stream in process, whose
shards split, merge, close and throttle as AWS's do. "Fails for" counts the deliberately wrong runtimes that the test
was seen to find out (`wrong_runtimes.py`). What the emulator can do is checked there again
(`tests/emulator/test_pipe_on_the_emulator.py`).

"Guide" is the EventBridge user guide, by page; "API model" is the Pipes API as botocore carries it; "This design" marks
what AWS does not say or does not have, and (?) a reading of what it leaves open.
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
| What comes again of a batch in which the target named records? | these: guide, eb-pipes-batching-concurrency, \
"Partial batch failures" | `PIPES_PARTIAL_FAILURE=lowest`, from the lowest of them on (the Lambda guide), or `whole`, \
all of it |
| When does a pipe begin to poll? | half a second after it was made, changed or started; "several minutes" on AWS | \
`PIPES_START_SECONDS` |
| How long may 4xx errors go on until a pipe is disabled? | 300 seconds; "nearly continuous" says AWS | \
`PIPES_DISABLED_AFTER_SECONDS` |

Whichever of these readings is AWS's, the table comes out right: `tests/pipe/test_every_reading.py` has the real
handler on each of them, with and without bisecting, while a fifth of its writes fails.
"""

NOT_HELD = {
    "Records may be pushed to a consumer with enhanced fan-out": "Guide, eb-pipes-kinesis",
    "A pipe may enrich its records; such a pipe is not run, and says so": "Guide, pipes-enrichment",
    "Targets other than Lambda; such a pipe is not run, and says so": "Guide, eb-pipes-event-target",
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
