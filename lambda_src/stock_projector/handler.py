"""The edge: a pipe's batch in, the records that have to come again out."""

import gc
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from stock_projector.batch import project_batch
from stock_projector.events import Record
from stock_projector.patience import Patience
from stock_projector.quarantine import Quarantine
from stock_projector.store import Store
from stock_projector.telemetry import count, metrics

REQUESTS_AT_ONCE = 16
DAY = 24 * 3600


@cache
def _tables() -> tuple[Store, Quarantine]:
    config = Config(
        max_pool_connections=REQUESTS_AT_ONCE,
        connect_timeout=1,
        read_timeout=3,  # together below the least ProjectorTimeoutSeconds: a lost answer does not cost an invocation
        retries={"mode": "standard", "total_max_attempts": 4},
        user_agent="stock-projector",  # botocore would write its own anew for every request
    )
    dynamodb = boto3.client("dynamodb", config=config)
    keep_seconds = int(os.environ["QUARANTINE_DAYS"]) * DAY
    return (
        Store(dynamodb, os.environ["STOCK_TABLE_NAME"]),
        Quarantine(dynamodb, os.environ["QUARANTINE_TABLE_NAME"], keep_seconds),
    )


gc.freeze()  # what is loaded by now stays: a batch's garbage collection need not look at it
_pool = cache(lambda: ThreadPoolExecutor(REQUESTS_AT_ONCE))


def _in_parallel(send: Callable[[Any], Any], requests: Iterable[Any]) -> Iterable[Any]:
    """Send several requests at once; a single one without the detour over another thread."""
    requests = list(requests)
    return map(send, requests) if len(requests) == 1 else _pool().map(send, requests)


@metrics.log_metrics
def handler(event: list[dict[str, Any]], context: Any) -> dict[str, list[dict[str, str]]]:
    """Take the bare array of flat records that EventBridge Pipes sends; name those to be retried."""
    records = [Record.from_pipe(flat) for flat in event]
    patience = Patience(lambda: context.get_remaining_time_in_millis() / 1000)
    result = project_batch(records, *_tables(), patience, _in_parallel)
    count(result)
    return {"batchItemFailures": [{"itemIdentifier": record.item_identifier} for record, _ in result.failures]}
