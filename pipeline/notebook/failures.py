"""A pipeline of its own to break, and the same events through a handler that adds up whatever is delivered."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread
from time import monotonic
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from pipeline import cloud as clouds
from pipeline.consistency.examine import AuditResult
from pipeline.notebook.pipeline import Pipeline
from pipeline.provisioning import deployment, stack
from pipeline.reading import stock
from pipeline.reading.stream import StreamRecord
from pipeline.recovery.faults import fault
from pipeline.stories import producer
from pipeline.stories.scenarios import NewRecord

IMPATIENT = {"ShardCount": 2, "MaximumRetryAttempts": 1, "ProjectorTimeoutSeconds": 5}  # dead letters, soon
SAMPLE_SECONDS = 0.1


def open_to_break(cloud: str, stack_name: str) -> Pipeline:
    """Return a new pipeline beside the one of that name; one that is left from before is deleted first."""
    where, name = clouds.start(cloud), f"{stack_name[:31]}-failures"
    where.breakable()
    deployment.down(where, name, only_made_by=stack.NOTEBOOKS)
    up = deployment.up(where, name, IMPATIENT, made_by=stack.NOTEBOOKS)
    return Pipeline(up.cloud, up.stack_name, up.outputs)


def close(pipeline: Pipeline) -> None:
    """Delete the pipeline."""
    deployment.down(pipeline.cloud, pipeline.stack_name, only_made_by=stack.NOTEBOOKS)


def faults(pipeline: Pipeline) -> pd.DataFrame:
    """List the faults that there are."""
    kinds = pipeline.cloud.breakable().kinds_of_faults()
    return pd.DataFrame(kinds.items(), columns=["fault", "what it does"]).set_index("fault")


@contextmanager
def failing(pipeline: Pipeline, name: str, percent: int = 100) -> Iterator[None]:
    """Have a fault in force within the block."""
    with fault(pipeline.cloud, name, percent):
        yield


def send(pipeline: Pipeline, records: Sequence[NewRecord]) -> AuditResult:
    """Send records, wait until the pipe is done with them, one way or another, and audit."""
    producer.send(pipeline, records, progress=False)
    return pipeline.audit()


@contextmanager
def watching(pipeline: Pipeline) -> Iterator[list[dict[str, Any]]]:
    """Sample, ten times a second, how many events the table has applied and how far each shard lags behind."""
    samples: list[dict[str, Any]] = []
    over, began = Event(), monotonic()
    thread = Thread(target=partial(_sample, pipeline, samples, over, began))
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()


def _sample(pipeline: Pipeline, samples: list[dict[str, Any]], over: Event, began: float) -> None:
    while not over.wait(SAMPLE_SECONDS):
        items = stock.items(pipeline.cloud, pipeline.outputs["StockTableName"])
        status = pipeline.cloud.pipe_status() or {"pipes": []}
        shards = [shard for each in status["pipes"] if each["pipe"] == pipeline.outputs["PipeName"]
                  for shard in each["shards"]]  # fmt: skip
        lags = {shard["shard_id"][-4:]: shard["lag_seconds"] or 0.0 for shard in shards}
        samples.append({"seconds": monotonic() - began, "applied": sum(item["version"] for item in items)} | lags)


def course(samples: list[dict[str, Any]]) -> tuple[Any, str, str]:
    """Draw what was sampled: events applied, and each shard's lag. Returns figure, caption and alternative text."""
    frame = pd.DataFrame(samples).set_index("seconds").ffill()
    figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(8, 3.6), layout="constrained")
    above.step(frame.index, frame["applied"], where="post", color="#1b6ca8")
    above.set_ylabel("events applied")
    for shard in frame.columns.drop("applied"):
        below.plot(frame.index, frame[shard], label=f"shard {shard}")
    below.set_ylabel("lag in s")
    below.set_xlabel("seconds")
    below.legend(frameon=False)
    first, last = int(frame["applied"].iloc[0]), int(frame["applied"].iloc[-1])
    longest = frame.drop(columns="applied").max().max()
    told = f"From {first} to {last} events applied; the longest lag of a shard was {longest:.1f} s"
    return figure, f"{told}.", f"Two line charts over time. {told}."


def plain_stock(deliveries: Iterable[StreamRecord]) -> dict[str, int]:
    """Add up deliveries as a handler does that updates the table by each event, without memory or guard."""
    levels: dict[str, int] = {}
    for record in deliveries:
        event = json.loads(record.data)
        product, change = event["product"]["product_id"], event["product"].get("quantity", 0)
        match event["event_type"]:
            case "product_added":
                levels[product] = change
            case "product_removed":
                levels.pop(product, None)
            case "quantity_incremented":
                levels[product] = levels.get(product, 0) + change
            case "quantity_decremented":
                levels[product] = levels.get(product, 0) - change
    return levels
