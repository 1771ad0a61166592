"""How fast events become stock levels without any I/O: decode, validate, fold. One core."""

import base64
import gc
import time
from collections import defaultdict
from typing import Any

from stock_projector.events import Event, Record, parse
from stock_projector.projection import StockLevel, fold

from pipeline.stories.scenarios import NewRecord

BATCH = 1000
FIRST_PLACE = 49590338271490256608559692538361571095921575989136588898  # as long as Kinesis makes them


def rate(story: list[NewRecord]) -> float:
    """Return events per second of CPU time, over a whole story in batches."""
    levels: dict[str, StockLevel] = {}
    seconds = 0.0
    gc.freeze()  # as the handler does
    for start in range(0, len(story), BATCH):
        flat = [_flat(entry, FIRST_PLACE + start + place) for place, entry in enumerate(story[start : start + BATCH])]
        started = time.process_time()
        _project(flat, levels)
        seconds += time.process_time() - started
    return len(story) / seconds


def _project(batch: list[dict[str, Any]], levels: dict[str, StockLevel]) -> None:
    by_product = defaultdict(list)
    for flat in batch:
        record = Record.from_pipe(flat)
        event = parse(record)
        if isinstance(event, Event):
            by_product[event.product.product_id].append((record.sequence_number, event))
    for product_id, events in by_product.items():
        levels[product_id], _ = fold(levels.get(product_id, StockLevel(product_id)), events)


def _flat(entry: NewRecord, sequence_number: int) -> dict[str, Any]:
    return {
        "data": base64.b64encode(entry.data).decode(),
        "partitionKey": entry.partition_key,
        "sequenceNumber": str(sequence_number),
        "eventID": f"shardId-000000000000:{sequence_number}",
        "approximateArrivalTimestamp": 1694433600.0,
    }
