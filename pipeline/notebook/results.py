"""What became of the story: the stream folded record by record, the time it took, the projector's own account."""

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.consistency import oracle
from pipeline.notebook.table_reads import TableReads
from pipeline.notebook.watching import reads_file
from pipeline.provisioning.deployment import Deployment
from pipeline.reading.stream import StreamRecord
from pipeline.waiting import eventually

LOG_SECONDS = 60.0  # for the log to list all records


def history(log: Iterable[StreamRecord]) -> pd.DataFrame:
    """Fold a stream with the oracle, and keep what every record did: one row per record, shard by shard, in order.

    Returns:
        `shard_id`, `sequence_number`, `partition_key`, `event_type` ("no event" for what cannot be read as one),
        `happened_at` (the event's own time), `outcome` (applied, duplicate, quarantined), `reason` (of a quarantined
        one), and `quantity` and `version` of the product after an applied one.
    """
    products: dict[str, oracle.Product] = {}
    rows = []
    for record in log:
        outcome = oracle.judge(record.data, record.partition_key, record.sequence_number, products)
        refused = outcome not in ("applied", "duplicate")
        event_type, happened_at = _what_and_when(record.data)
        row: dict[str, Any] = {
            "shard_id": record.shard_id,
            "sequence_number": record.sequence_number,
            "partition_key": record.partition_key,
            "event_type": event_type,
            "happened_at": happened_at,
            "outcome": "quarantined" if refused else outcome,
            "reason": outcome if refused else "",
        }
        if outcome == "applied":
            product = products[record.partition_key]
            row |= {"quantity": product.quantity, "version": product.version}
        rows.append(row)
    frame = pd.DataFrame(rows)
    return frame.assign(happened_at=pd.to_datetime(frame["happened_at"], format="ISO8601", utc=True, errors="coerce"))


def _what_and_when(data: bytes) -> tuple[str, str | None]:
    try:
        event = json.loads(data)
        return str(event["event_type"]), str(event["product"]["timestamp"])
    except (ValueError, KeyError, TypeError):
        return "no event", None


def ends_of(laptop: pd.DataFrame, judged: pd.DataFrame) -> pd.DataFrame:
    """Pick the first five and the last six records of one product's history, as a table shows them.

    Args:
        laptop: from `Pipeline.history`.
        judged: from `history`: it has the type also of what is no valid event, as far as that can be read.
    """
    ends = pd.concat([laptop.head(5), laptop.tail(6)]).set_index("sequence_number")
    ends["event_type"] = judged.set_index("sequence_number")["event_type"].reindex(ends.index)
    ends["quantity"] = ends["quantity"].map(lambda units: "" if pd.isna(units) else f"{units:,.0f}")
    ends = ends[["event_type", "quantity", "outcome", "reason", "stock", "version"]].fillna("").astype(object)
    left_out = pd.DataFrame([["..."] * len(ends.columns)], columns=ends.columns)
    return pd.concat([ends.head(5), left_out, ends.tail(6)], ignore_index=True)


def lags(pipeline: Deployment, history: pd.DataFrame) -> pd.Series:
    """Say how long each applied event took from being accepted by the stream to being seen in the table, in seconds.

    The sent log says when a record was accepted; whoever read the table meanwhile, when its version was first there.
    An event is left out if nobody was reading when it was accepted, as before a sending was interrupted and resumed.

    Args:
        pipeline: where they were sent.
        history: the records with their outcomes, from `history()`.

    Returns:
        One value for each event, in the order in which they were accepted.
    """
    accepted, reads = pd.DataFrame(_lines(pipeline.sent_log)), TableReads.load(reads_file(pipeline))
    if accepted.empty or not any(reads.versions):
        return pd.Series(name="lag in seconds", dtype=float)
    applied = history[history["outcome"] == "applied"].astype({"version": int})
    applied = applied.merge(accepted, on=["shard_id", "sequence_number"], suffixes=("", "_"))
    seen = pd.DataFrame(
        [
            (product_id, version, reads.started + seconds)
            for seconds, versions in zip(reads.seconds, reads.versions, strict=True)
            for product_id, version in versions.items()
        ],
        columns=["partition_key", "version", "seen_at"],
    ).drop_duplicates(["partition_key", "version"])
    events = pd.merge_asof(
        applied[applied["accepted_at"] >= reads.started].sort_values("version"), seen.sort_values("version"),
        on="version", by="partition_key", direction="forward",
    )  # fmt: skip
    events = events.sort_values("accepted_at").dropna(subset="seen_at").reset_index(drop=True)
    return (events["seen_at"] - events["accepted_at"]).rename("lag in seconds")


def _lines(path: Path) -> list[dict[str, Any]]:
    """Read a file of JSON lines, as far as they are whole: whoever wrote it may have been killed."""
    try:
        return [entry for line in path.read_text().splitlines() if (entry := _json_or_nothing(line))]
    except FileNotFoundError:
        return []


def batch_log(pipeline: Deployment, at_least: int = 0) -> pd.DataFrame:
    """Read the projector's own account from its log: one row per batch, with its records by outcome.

    Args:
        pipeline: whose projector.
        at_least: wait until the log lists so many records; on AWS it comes some seconds late.
    """
    function = pipeline.cloud.client("lambda").get_function(FunctionName=pipeline.outputs["ProjectorName"])
    log_group = function["Configuration"]["LoggingConfig"]["LogGroup"]
    frame = pd.DataFrame()

    def has_all() -> bool:
        nonlocal frame
        pages = pipeline.cloud.client("logs").get_paginator("filter_log_events").paginate(logGroupName=log_group)
        lines = [_json_or_nothing(event["message"]) for page in pages for event in page["events"]]
        columns = ["records", "applied", "duplicate", "quarantined", "failed"]
        frame = pd.DataFrame([line for line in lines if line.get("message") == "batch"], columns=columns)
        return frame["records"].sum() >= at_least

    with suppress(TimeoutError):  # then as far as it goes
        eventually(has_all, LOG_SECONDS, every=1)
    return frame.fillna(0).astype(int)


def _json_or_nothing(message: str) -> dict[str, Any]:
    try:
        line = json.loads(message)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}
