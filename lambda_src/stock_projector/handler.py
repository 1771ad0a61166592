"""The edge: a pipe's batch in, the records that have to come again out."""

import gc
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from stock_projector.batch import project_batch
from stock_projector.events import Record
from stock_projector.store import Store
from stock_projector.telemetry import count, metrics

WRITES_AT_ONCE = 16


@cache
def _store() -> Store:
    config = Config(
        max_pool_connections=WRITES_AT_ONCE,
        retries={"mode": "standard", "total_max_attempts": 4},
        user_agent="stock-projector",  # botocore would write its own anew for every request, a tenth of its work
    )
    return Store(
        dynamodb=boto3.client("dynamodb", config=config),
        sqs=boto3.client("sqs", config=config),
        table_name=os.environ["STOCK_TABLE_NAME"],
        queue_url=os.environ["QUARANTINE_QUEUE_URL"],
        tombstone_seconds=2 * 3600 * int(os.environ["RETENTION_HOURS"]),
    )


gc.freeze()  # what is loaded by now stays: a batch's garbage collection need not look at it
_pool = cache(lambda: ThreadPoolExecutor(WRITES_AT_ONCE))


@metrics.log_metrics
def handler(event: list[dict[str, Any]], context: object) -> dict[str, list[dict[str, str]]]:
    """Take the bare array of flat records that EventBridge Pipes sends; name those to be retried."""
    result = project_batch([Record.from_pipe(flat) for flat in event], _store(), _pool().map)
    count(result)
    return {"batchItemFailures": [{"itemIdentifier": record.item_identifier} for record, _ in result.failures]}
