"""Batches made by hand: to warm a function up, and to send DynamoDB the very requests that ours sent before."""

import base64
import json
import multiprocessing
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from stock_projector.handler import WRITES_AT_ONCE

WARM_UP = "warm-up"  # products of which no run is told


def warm_up(workers: int) -> list[list[dict[str, Any]]]:
    """Return a batch of one record for every worker."""
    return [[_record(f"{WARM_UP}-{number}", number + 1)] for number in range(workers)]


def _record(product_id: str, sequence_number: int) -> dict[str, Any]:
    product = {"product_id": product_id, "product_name": "Warm-up", "quantity": 1, "timestamp": "2023-09-11T12:00:00Z"}
    event = {"event_type": "product_added", "event_id": product_id, "product": product}
    return {
        "data": base64.b64encode(json.dumps(event).encode()).decode(),
        "partitionKey": product_id,
        "sequenceNumber": str(sequence_number),
        "eventID": f"shardId-000000000000:{sequence_number}",
        "approximateArrivalTimestamp": 0.0,
    }


def replay(recording: Path, env: dict[str, str]) -> float:
    """Send the requests of every shard again, one process a shard, a batch after the other. Returns seconds.

    Args:
        recording: the folder with a file for each shard, one JSON line for each batch.
        env: the variables that an AWS client needs.
    """
    files = sorted(recording.glob("*.jsonl"))
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Barrier(len(files) + 1)
    processes = [spawn.Process(target=_replay_shard, args=(file, env, ready)) for file in files]
    for process in processes:
        process.start()
    ready.wait()
    started = time.perf_counter()
    for process in processes:
        process.join()
    seconds = time.perf_counter() - started
    if any(process.exitcode for process in processes):
        sys.exit("the replay failed; see above")
    return seconds


def _replay_shard(file: Path, env: dict[str, str], ready: Any) -> None:
    batches = [json.loads(line, object_hook=_bytes_again) for line in file.open()]
    dynamodb = boto3.client(
        "dynamodb",
        endpoint_url=env["AWS_ENDPOINT_URL"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        region_name=env["AWS_DEFAULT_REGION"],
        config=Config(max_pool_connections=WRITES_AT_ONCE),
    )
    dynamodb.list_tables()
    with ThreadPoolExecutor(WRITES_AT_ONCE) as pool:
        ready.wait()
        for batch in batches:
            reads = [params for name, params in batch if name == "BatchGetItem"]
            for params in reads:
                dynamodb.batch_get_item(**params)
            list(pool.map(lambda params: dynamodb.put_item(**params), (p for name, p in batch if name == "PutItem")))


def _bytes_again(value: dict[str, Any]) -> Any:
    return bytes(value["bytes"]) if value.keys() == {"bytes"} else value
