"""One running pipe: which of its shards may be read now, each by a reader of its own."""

import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

from pipeline.local_cloud.checkpoints import Checkpoints
from pipeline.local_cloud.delivery import Delivery
from pipeline.local_cloud.settings import PipeSettings
from pipeline.local_cloud.shard import ShardReader, after, start_of

RESHARD_SECONDS = 2.0  # how often the pipe looks for new shards

Client = Callable[..., Any]


class PipeRun(Thread):
    """Moves records from the pipe's stream to its target until it is stopped."""

    def __init__(self, pipe: PipeSettings, client: Client, checkpoints: Path) -> None:
        """Prepare a run.

        Args:
            pipe: its settings.
            client: makes a client for a service, with the rights of the pipe's role.
            checkpoints: the folder to keep them in.
        """
        super().__init__(name=pipe.name, daemon=True)
        self.pipe = pipe
        self.checkpoints = Checkpoints(checkpoints, pipe)
        self.readers: dict[str, ShardReader] = {}
        self.error = ""
        self._stop_event = Event()
        self._kinesis = client("kinesis", retries={"total_max_attempts": 1}, max_pool_connections=100)
        self._lambda = client("lambda", retries={"total_max_attempts": 1}, read_timeout=905, max_pool_connections=100)
        self._sqs = client("sqs")
        self._sns = client("sns")

    def run(self) -> None:
        """Start a reader for every shard as soon as its parents are drained."""
        first_seen = time.time()
        while not self._stop_event.is_set():
            try:
                shards = self._shards()
                self.error = ""
            except Exception as error:
                self.error, shards = str(error), []
            for shard in self._readable(shards):
                self._read(shard, is_child=bool(parents_of(shard)), first_seen=first_seen)
            self._stop_event.wait(RESHARD_SECONDS)

    def stop(self) -> None:
        """Stop reading and delivering. What was under way comes again."""
        self._stop_event.set()

    def _shards(self) -> list[dict[str, Any]]:
        pages = self._kinesis.get_paginator("list_shards").paginate(StreamARN=self.pipe.source_arn)
        return [shard for page in pages for shard in page["Shards"]]

    def _readable(self, shards: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Choose the shards to start on: not read yet, and no parent that is still to be read."""
        listed = {shard["ShardId"] for shard in shards}
        return [
            shard
            for shard in shards
            if shard["ShardId"] not in self.readers
            and not self.checkpoints.is_drained(shard["ShardId"])
            and all(self.checkpoints.is_drained(parent) for parent in parents_of(shard) if parent in listed)
        ]

    def _read(self, shard: dict[str, Any], is_child: bool, first_seen: float) -> None:
        shard_id = shard["ShardId"]
        reached = self.checkpoints.after(shard_id)
        self.readers[shard_id] = ShardReader(
            self.pipe,
            shard_id,
            after(reached) if reached else start_of(self.pipe, is_child, first_seen),
            self._kinesis,
            self.checkpoints,
            [self._delivery(shard_id) for _ in range(self.pipe.parallelization_factor)],
            self._stop_event,
        )
        self.readers[shard_id].start()

    def _delivery(self, shard_id: str) -> Delivery:
        return Delivery(self.pipe, shard_id, self._invoke, self._send_dead_letter, self._stop_event)

    def _invoke(self, payload: bytes) -> dict[str, Any]:
        answer = self._lambda.invoke(FunctionName=self.pipe.target_arn, Payload=payload)
        return {"FunctionError": answer.get("FunctionError"), "Payload": answer["Payload"].read()}

    def _send_dead_letter(self, letter: str) -> None:
        arn = self.pipe.dead_letter_arn or ""
        if ":sns:" in arn:
            self._sns.publish(TopicArn=arn, Message=letter)
        else:
            url = f"{self._sqs.meta.endpoint_url}/{arn.split(':')[4]}/{arn.split(':')[5]}"
            self._sqs.send_message(QueueUrl=url, MessageBody=letter)


def parents_of(shard: dict[str, Any]) -> list[str]:
    """Return the shards that a shard was split off or merged from."""
    names = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
    return [name for name in names if name]
