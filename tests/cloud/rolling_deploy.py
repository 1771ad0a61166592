"""Another build of the projector is deployed while events flow, and then the first one again.

`python -m tests.cloud.rolling_deploy --runs 20` does it that often, each time on a stack of its own.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copytree
from threading import Event
from unittest import mock

from pipeline import cloud as clouds
from pipeline.cloud import Cloud
from pipeline.consistency import audit
from pipeline.provisioning import bundle, deployment
from pipeline.provisioning import stack as stacks
from pipeline.provisioning.bundle import SOURCE, Bundle
from pipeline.reading import stock
from pipeline.stories import producer, scenarios
from pipeline.waiting import eventually

CHUNK, MOST_EVENTS, RATE = 50, 20_000, 250  # it is over when both deployments are


def roll(where: Cloud, stack_name: str, seed: int) -> list[str]:
    """Deploy another build in mid-stream, and roll back. Returns what the audit has to say."""
    found = deployment.up(where, stack_name)
    first, second = bundle.build(), another_build()
    bundle.upload(where.client("s3"), found.outputs["ArtifactBucketName"], second)
    enough = Event()
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send_until, enough, found, seed)
        try:
            for build in (second, first):
                before = applied(found)
                eventually(lambda before=before: sending.done() or applied(found) > before, 120)
                assert not sending.done(), "events have to flow while it is deployed"
                stacks.provision(where, stack_name, {"CodeKey": build.key}, lambda line: None)
                assert deployed_digest(found) == build.code_sha256
        finally:
            enough.set()
        sending.result()
    return audit.audit(where, found.outputs).discrepancies


def send_until(enough: Event, found: deployment.Deployment, seed: int) -> None:
    """Send a story, piece by piece, until it is enough."""
    story = scenarios.write_story("rough-day", MOST_EVENTS, 40, seed=seed)
    for start in range(0, MOST_EVENTS, CHUNK):
        if enough.is_set():
            return
        producer.send(found, story[start : start + CHUNK], rate=RATE, progress=False)


def another_build() -> Bundle:
    """Build the same projector from a source that says a word more."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(copytree(SOURCE, Path(folder) / "source"))
        handler = source / "stock_projector" / "handler.py"
        handler.write_text(handler.read_text() + "\n# another build\n")
        return bundle.build(source)


def applied(found: deployment.Deployment) -> int:
    """Count what is in the table by now."""
    return sum(item["version"] for item in stock.items(found.cloud, found.outputs["StockTableName"]))


def deployed_digest(found: deployment.Deployment) -> str:
    """Return the digest of the code that runs."""
    function = found.cloud.client("lambda")
    return function.get_function_configuration(FunctionName=found.outputs["ProjectorName"])["CodeSha256"]


def main(tell: Callable[[str], object] = print) -> int:
    """Run it as often as asked for, on a local cloud of its own; return 1 if any audit found a discrepancy."""
    parser = argparse.ArgumentParser(prog="python -m tests.cloud.rolling_deploy", description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    runs, wrong = parser.parse_args().runs, 0
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, INVENTORY_STATE_DIR=folder):
        where = clouds.start()
        try:
            for run in range(runs):
                discrepancies = roll(where, f"rolling-{run}", seed=run)
                deployment.down(where, f"rolling-{run}")
                wrong += bool(discrepancies)
                tell(f"run {run + 1} of {runs}: {len(discrepancies)} discrepancies {discrepancies[:3]}")
        finally:
            clouds.stop("local")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
