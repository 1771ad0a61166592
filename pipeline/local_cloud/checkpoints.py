"""How far a pipe got on each shard, kept across crashes."""

import hashlib
import json
from collections import deque
from pathlib import Path
from threading import Lock
from typing import Any

from pipeline.local_cloud.process import write_json
from pipeline.local_cloud.settings import PipeSettings


class Checkpoints:
    """One file per pipe: for every shard, up to where everything has ended, and whether the shard is drained."""

    def __init__(self, folder: Path, pipe: PipeSettings) -> None:
        identity = f"{pipe.arn} {pipe.created_at} {pipe.source_arn}"
        self._path = folder / f"{pipe.name}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}.json"
        self._lock = Lock()
        try:
            self._shards: dict[str, dict[str, Any]] = json.loads(self._path.read_text())
        except (OSError, ValueError):
            self._shards = {}

    def after(self, shard_id: str) -> str | None:
        """Return the sequence number after which to go on; None where nothing was delivered yet."""
        return self._shards.get(shard_id, {}).get("after")

    def is_drained(self, shard_id: str) -> bool:
        """Say whether the shard is closed and all of it has been delivered."""
        return self._shards.get(shard_id, {}).get("drained", False)

    def knows(self, shard_id: str) -> bool:
        """Say whether the shard was ever read."""
        return shard_id in self._shards

    def save(self, shard_id: str, **facts: Any) -> None:
        """Note facts of a shard, durably."""
        with self._lock:
            self._shards[shard_id] = self._shards.get(shard_id, {}) | facts
            write_json(self._path, self._shards)


class Progress:
    """Which records of a shard have ended, when batches may end in any order."""

    def __init__(self) -> None:
        self._read: deque[str] = deque()
        self._done: set[str] = set()
        self._lock = Lock()

    def read(self, sequence_numbers: list[str]) -> None:
        """Note records that were read, in the order of the shard."""
        with self._lock:
            self._read.extend(sequence_numbers)

    def done(self, sequence_numbers: list[str]) -> str | None:
        """Note records that have ended. Returns the new checkpoint, if it moved."""
        with self._lock:
            self._done.update(sequence_numbers)
            moved_to = None
            while self._read and self._read[0] in self._done:
                moved_to = self._read.popleft()
                self._done.remove(moved_to)
            return moved_to

    @property
    def unfinished(self) -> int:
        """How many records were read and have not ended."""
        return len(self._read)
