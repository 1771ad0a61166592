"""A pipeline of its own to break, and the same events through a handler that adds up whatever is delivered."""

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from time import monotonic

import pandas as pd

from pipeline import cloud as clouds
from pipeline.consistency.examine import AuditResult
from pipeline.notebook.figures.course import Sample, course
from pipeline.notebook.pipeline import Pipeline
from pipeline.notebook.show import figure
from pipeline.provisioning import deployment, stack
from pipeline.reading import quarantine, stock
from pipeline.reading.stream import StreamRecord
from pipeline.recovery.faults import fault
from pipeline.stories import producer
from pipeline.stories.scenarios import NewRecord

IMPATIENT = {"ShardCount": 2, "MaximumRetryAttempts": 1, "ProjectorTimeoutSeconds": 5}  # dead letters, soon
SAMPLE_SECONDS, SHOW_SECONDS = 0.1, 0.5


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


def send(pipeline: Pipeline, records: Sequence[NewRecord]) -> AuditResult:
    """Send records, wait until the pipe is done with them, one way or another, and audit."""
    producer.send(pipeline, records, progress=False)
    return pipeline.audit()


def send_into(pipeline: Pipeline, name: str, records: Sequence[NewRecord], percent: int = 100) -> AuditResult:
    """Send records into a failure, wait until the pipe is done with them one way or another, and audit.

    Meanwhile a figure shows what is seen from outside.

    Args:
        pipeline: whose stream.
        name: the fault that is in force until the audit is over.
        records: what to send.
        percent: how much of what the fault can strike it does.
    """
    before, sent, began = _decided(pipeline), [0], monotonic()
    samples = [Sample(0.0, before, before, _lags(pipeline))]
    shown = figure(*course(samples))

    def work() -> AuditResult:
        with fault(pipeline.cloud, name, percent):
            producer.send(pipeline, records, progress=False, on_sent=lambda count: sent.__setitem__(0, count))
            return pipeline.audit()

    with ThreadPoolExecutor(1) as pool:
        working, drawn_at = pool.submit(work), began
        is_over = False
        while not is_over:
            is_over = not wait([working], timeout=SAMPLE_SECONDS).not_done
            samples.append(Sample(monotonic() - began, before + sent[0], _decided(pipeline), _lags(pipeline)))
            if is_over or monotonic() - drawn_at > SHOW_SECONDS:
                drawing, drawn_at = course(samples), monotonic()
                shown.update(drawing.figure, drawing.caption)
    return working.result()


def _decided(pipeline: Pipeline) -> int:
    items = stock.items(pipeline.cloud, pipeline.outputs["StockTableName"])
    refused = quarantine.count(pipeline.cloud, pipeline.outputs["QuarantineTableName"])
    return sum(item["version"] for item in items) + refused


def _lags(pipeline: Pipeline) -> dict[str, float]:
    status = pipeline.cloud.pipe_status() or {"pipes": []}
    own = (each for each in status["pipes"] if each["pipe"] == pipeline.outputs["PipeName"])
    return {shard["shard_id"]: shard["lag_seconds"] or 0.0 for each in own for shard in each["shards"]}


def beside_plain(pipeline: Pipeline, deliveries: Iterable[NewRecord | StreamRecord]) -> pd.DataFrame:
    """Return the stock of each product in this pipeline, and as a plain handler counts that was given these deliveries.

    Returns:
        By `product_id`: `this pipeline` and `plain handler`, in units; 0 is what is not there.
    """
    here = pipeline.stock().set_index("product_id")["quantity"]
    plain = pd.Series(plain_stock(deliveries), dtype=int)
    both = pd.DataFrame({"this pipeline": here, "plain handler": plain}).fillna(0).astype(int)
    return both.rename_axis("product_id").sort_index()


def wrong(both: pd.DataFrame) -> int:
    """Count the products of which the plain handler has another stock."""
    return int((both["this pipeline"] != both["plain handler"]).sum())


def plain_stock(deliveries: Iterable[NewRecord | StreamRecord]) -> dict[str, int]:
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


def produced(wrong_of: Sequence[str], discrepancies: Sequence[int], given_up: int, found: int) -> pd.DataFrame:
    """List the failures of the notebook, with what each did to a plain handler and to this pipeline.

    Args:
        wrong_of: after each of the first three, how many products of how many the plain handler had wrong.
        discrepancies: after each of the first three, how many the audit found here.
        given_up: how many records the audit named as given up, before they were brought back.
        found: how many items the rebuild found edited.
    """
    of_audit = [f"{count} discrepancies" for count in discrepancies]
    rows = [
        ("the answer is lost after success", "an event may count twice", wrong_of[0], of_audit[0],
         "places and identities are remembered in the item"),
        ("the producer sends again", "stock changes twice", wrong_of[1], of_audit[1],
         "an event_id, the same on every re-send"),
        ("records are given up", "events are missing in silence", wrong_of[2],
         f"{given_up} given up, {of_audit[2]}; 0 given up after redrive",
         "a dead letter for each, and redrive, which claims what it sends"),
        ("the table is edited", "nobody knows what is right", "not noticed", f"{found} item named",
         "the stream is the truth, and the table can be folded again"),
    ]  # fmt: skip
    columns = ["challenge", "symptom in a plain handler", "wrong there", "audit here", "solution"]
    return pd.DataFrame(rows, columns=columns)
