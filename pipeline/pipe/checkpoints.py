"""How far a pipe got on each shard, kept across crashes."""

import hashlib
import json
import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

from pipeline.pipe.records import Batch, FlatRecord
from pipeline.pipe.settings import PipeSettings

MOST_WAITING = 20_000  # records read and not ended: beyond that, reading waits
MOST_WAITING_BYTES = 32 * 1024 * 1024

log = logging.getLogger("pipes")

WriteJson = Callable[[Path, Any], None]  # replaces a file in one step


class Checkpoints:
    """One file per pipe: when it started, and for every shard up to where everything has ended.

    A disk that takes nothing does not stop the pipe: what could not be written is written with the next batch or the
    next `flush`. Until then a crash means that records come again, never that they are lost.
    """

    def __init__(self, folder: Path, pipe: PipeSettings, write_json: WriteJson) -> None:
        identity = f"{pipe.arn} {pipe.created_at} {pipe.source_arn}"
        self._path = folder / f"{pipe.name}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}.json"
        self._write_json = write_json
        self._lock = Lock()
        self.error = ""
        kept = self._read()
        self._started: float | None = kept.get("started")
        self._shards: dict[str, dict[str, Any]] = kept.get("shards", {})
        self._drained = {shard_id for shard_id, facts in self._shards.items() if facts.get("drained")}
        self._is_written = True

    def started(self, now: float) -> float:
        """Return when the pipe looked at its stream for the first time; now, if it never did."""
        if self._started is None:
            self._started, self._is_written = now, False
            self.flush()
        return self._started

    def after(self, shard_id: str) -> str | None:
        """Return the sequence number after which to go on; None where nothing was delivered yet."""
        return self._shards.get(shard_id, {}).get("after")

    def is_drained(self, shard_id: str) -> bool:
        """Say whether the shard is closed, all of it has been delivered, and the disk knows."""
        return shard_id in self._drained

    def drained(self) -> dict[str, str | None]:
        """Return the drained shards, each with the last sequence number that was delivered."""
        return {shard_id: self.after(shard_id) for shard_id in sorted(self._drained)}

    def save(self, shard_id: str, **facts: Any) -> bool:
        """Note facts of a shard. Returns whether they are on disk."""
        with self._lock:
            self._shards[shard_id] = self._shards.get(shard_id, {}) | facts
            self._is_written = False
        return self.flush()

    def flush(self) -> bool:
        """Write what is not written yet. Returns whether everything is on disk."""
        with self._lock:
            if self._is_written:
                return True
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._write_json(self._path, {"started": self._started, "shards": self._shards})
            except OSError as error:
                self.error = f"checkpoints cannot be written: {error.strerror or error}"
                return False
            self._drained = {shard_id for shard_id, facts in self._shards.items() if facts.get("drained")}
            self._is_written, self.error = True, ""
            return True

    def _read(self) -> dict[str, Any]:
        try:
            kept = json.loads(self._path.read_text())
            if not isinstance(kept, dict) or not isinstance(kept.get("shards"), dict):
                raise ValueError("no checkpoints in it")
            return kept
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            log.warning("%s cannot be read (%s): the pipe starts over, and records come again", self._path, error)
            return {}


class Progress:
    """Which records of a shard have ended, when batches may end in any order."""

    def __init__(self) -> None:
        self._read: deque[FlatRecord] = deque()
        self._done: set[str] = set()
        self._bytes = 0
        self._lock = Lock()

    def read(self, records: Batch) -> None:
        """Note records that were read, in the order of the shard."""
        with self._lock:
            self._read.extend(records)
            self._bytes += sum(len(record.text) for record in records)

    def done(self, records: Batch) -> str | None:
        """Note records that have ended. Returns the new checkpoint, if it moved."""
        with self._lock:
            self._done.update(record.sequence_number for record in records)
            moved_to = None
            while self._read and self._read[0].sequence_number in self._done:
                first = self._read.popleft()
                moved_to = first.sequence_number
                self._done.remove(moved_to)
                self._bytes -= len(first.text)
            return moved_to

    @property
    def unfinished(self) -> int:
        """How many records were read and have not ended."""
        return len(self._read) - len(self._done)

    @property
    def oldest_arrived_at(self) -> float | None:
        """When the oldest record came that has not ended; None if all have."""
        try:
            return self._read[0].arrived_at
        except IndexError:
            return None

    @property
    def has_room(self) -> bool:
        """Say whether more may be read."""
        return len(self._read) < MOST_WAITING and self._bytes < MOST_WAITING_BYTES
