"""Only the DynamoDB requests that the projector made for the same story, as many at once: what the table costs.

Not invoked by the pipe: invoked once for each shard, with the file in which its requests were kept.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from stock_projector.handler import REQUESTS_AT_ONCE, _tables


def handler(event: list[dict[str, Any]], context: object) -> dict[str, Any]:
    """Send the requests, a batch after the other; say when it began and ended, and what processor time it took."""
    dynamodb = _tables()[0].dynamodb
    batches = [
        json.loads(line, object_hook=_bytes_again) for line in Path(event[0]["recording"]).read_text().splitlines()
    ]
    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
        time.sleep(max(0.0, event[0]["start_at"] - time.time()))  # all shards at the same moment
        started, cpu = time.time(), time.process_time()
        for batch in batches:
            reads, writes = (_requests(batch, operation) for operation in ("BatchGetItem", "BatchExecuteStatement"))
            list(pool.map(lambda params: dynamodb.batch_get_item(**params), reads))
            list(pool.map(lambda params: dynamodb.batch_execute_statement(**params), writes))
    return {"started": started, "ended": time.time(), "cpu_seconds": time.process_time() - cpu}


def _requests(batch: list[tuple[str, dict[str, Any]]], operation: str) -> list[dict[str, Any]]:
    return [params for name, params in batch if name == operation]


def _bytes_again(value: dict[str, Any]) -> Any:
    return bytes(value["bytes"]) if value.keys() == {"bytes"} else value
