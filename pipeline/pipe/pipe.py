"""One running pipe: which of its shards may be read now, each by a reader of its own."""

import time
from collections.abc import Callable
from functools import partial
from threading import Event
from typing import Any

from pipeline.pipe.checkpoints import Checkpoints
from pipeline.pipe.delivery import Delivery, Execution
from pipeline.pipe.inputs import transformed
from pipeline.pipe.records import Batch, payload
from pipeline.pipe.restarting import RestartingThread
from pipeline.pipe.settings import FOREVER, PipeSettings
from pipeline.pipe.shard import ShardReader, after, start_of
from pipeline.pipe.streak import Streak
from pipeline.pipe.target import REFUSED, kind_of

RESHARD_SECONDS = 2.0  # how often the pipe looks for new shards
EXECUTION_SECONDS = 300  # the longest that an execution may take on AWS
INVOCATION_TYPES = {"REQUEST_RESPONSE": "RequestResponse", "FIRE_AND_FORGET": "Event"}

Client = Callable[..., Any]


class PipeRun(RestartingThread):
    """Moves records from the pipe's stream to its target until it is stopped."""

    def __init__(
        self,
        pipe: PipeSettings,
        client: Client,
        checkpoints: Checkpoints,
        measure: Callable[[str, Execution], None] = lambda pipe_name, execution: None,
    ) -> None:
        """Prepare a run.

        Args:
            pipe: its settings.
            client: makes a client for a service, with the rights of the pipe's role.
            checkpoints: how far it got before, and where that is kept.
            measure: called after every execution, with the pipe's name.
        """
        super().__init__(pipe.name, Event())
        self.pipe = pipe
        self.checkpoints = checkpoints
        self.readers: dict[str, ShardReader] = {}
        self.trouble = ""
        self.refusals = Streak()
        self.is_starting = pipe.start_seconds > 0
        self._measure = partial(measure, pipe.name)
        once = {"retries": {"total_max_attempts": 1}, "max_pool_connections": 500}
        self._kinesis = client("kinesis", connect_timeout=5, read_timeout=20, **once)
        self._lambda = client("lambda", read_timeout=EXECUTION_SECONDS, **once)
        self._sqs = client("sqs")
        self._sns = client("sns")

    def work(self) -> None:
        """Start a reader for every shard as soon as its parents are drained."""
        if self.is_starting:
            self.stop.wait(self.pipe.start_seconds)
            self.is_starting = False
        started = self.checkpoints.started(time.time())
        while not self.stop.is_set():
            try:
                shards = self._shards()
                self.trouble = ""
                self.refusals.ends()
            except Exception as error:
                self.trouble = str(error)
                if kind_of(error) == REFUSED:
                    self.refusals.goes_on(self.trouble)
            else:
                self._update_readers(shards, started)
                self.recovered()
            self.checkpoints.flush()
            self.stop.wait(RESHARD_SECONDS)

    @property
    def error(self) -> str:
        """What troubles the pipe as a whole."""
        return self.trouble or self.crash or self.checkpoints.error

    @property
    def refusal(self) -> str:
        """Say why AWS would disable the pipe by now: it met 4xx errors without a break. Empty if it did not."""
        readers = list(self.readers.values())
        deliveries = [sender.delivery for reader in readers for sender in reader.senders]
        longest = self.pipe.disabled_after_seconds
        streaks = [self.refusals, *(reader.refusals for reader in readers), *(each.refusals for each in deliveries)]
        return next((streak.why for streak in streaks if longest != FOREVER and streak.lasts(longest)), "")

    def halt(self) -> None:
        """Stop reading and delivering. What is under way may still end; what does not comes again."""
        self.stop.set()
        for reader in list(self.readers.values()):
            reader.wake()

    @property
    def threads(self) -> list[RestartingThread]:
        """Everything that works for this pipe."""
        readers = list(self.readers.values())
        return [self, *readers, *(sender for reader in readers for sender in reader.senders)]

    @property
    def is_over(self) -> bool:
        """Say whether nothing is under way any more."""
        return not any(thread.is_alive() for thread in self.threads)

    @property
    def executions(self) -> int:
        """How many invocations are under way."""
        return sum(sender.is_busy for reader in list(self.readers.values()) for sender in reader.senders)

    def _shards(self) -> list[dict[str, Any]]:
        pages = self._kinesis.get_paginator("list_shards").paginate(StreamARN=self.pipe.source_arn)
        return [shard for page in pages for shard in page["Shards"]]

    def _update_readers(self, shards: list[dict[str, Any]], started: float) -> None:
        """Start on the shards that may be read now, leave those that are gone."""
        listed = {shard["ShardId"] for shard in shards}
        for shard_id, reader in self.readers.items():
            if shard_id not in listed and reader.error:
                reader.leave()
        for shard in shards:
            if self._may_be_read(shard, listed):
                self._read(shard["ShardId"], started)

    def _may_be_read(self, shard: dict[str, Any], listed: set[str]) -> bool:
        """Say whether a shard is not read yet, and no parent is still to be read."""
        parents = parents_of(shard)
        return (
            shard["ShardId"] not in self.readers
            and not self.checkpoints.is_drained(shard["ShardId"])
            and all(self.checkpoints.is_drained(parent) for parent in parents if parent in listed)
            and not any(self.readers[parent].is_alive() for parent in parents if parent in self.readers)
        )

    def _read(self, shard_id: str, started: float) -> None:
        reached = self.checkpoints.after(shard_id)
        self.readers[shard_id] = ShardReader(
            self.pipe,
            shard_id,
            after(reached) if reached else start_of(self.pipe, started),
            self._kinesis,
            self.checkpoints,
            [self._delivery(shard_id) for _ in range(self.pipe.parallelization_factor)],
            self.stop,
        )
        self.readers[shard_id].start()

    def _delivery(self, shard_id: str) -> Delivery:
        return Delivery(
            self.pipe,
            shard_id,
            self._invoke,
            self._send_dead_letter,
            self.stop,
            render=self._render,
            measure=self._measure,
        )

    def _render(self, batch: Batch) -> bytes:
        return transformed(self.pipe, batch, time.time()) if self.pipe.input_template else payload(batch)

    def _invoke(self, body: bytes) -> dict[str, Any]:
        invocation_type = INVOCATION_TYPES[self.pipe.invocation_type]
        answer = self._lambda.invoke(FunctionName=self.pipe.target_arn, Payload=body, InvocationType=invocation_type)
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
