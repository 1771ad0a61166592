"""Whose turn it is to read a shard: a shard counts the reads of all who read it, one after the other or at once."""

import time
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from pipeline.waiting import eventually


class Turn:
    """The turns of one shard, for all readings of one client. Made by `of`."""

    def __init__(self) -> None:
        self._lock, self._next = Lock(), 0.0

    @staticmethod
    def of(kinesis: Any, stream_name: str, shard_id: str) -> "Turn":
        """Return what this client's readings of a shard share."""
        return _TURNS.setdefault(kinesis, {}).setdefault((stream_name, shard_id), Turn())

    def wait(self, pause_seconds: float) -> None:
        """Wait for the turn, and let the next one be so many seconds later."""
        with self._lock:
            own = max(self._next, time.monotonic())
            self._next = own + pause_seconds
        eventually(lambda: time.monotonic() >= own, every=max(0.0, own - time.monotonic()))

    def put_off(self, seconds: float) -> None:
        """Let the next turn be so much later."""
        with self._lock:
            self._next += seconds


_TURNS: WeakKeyDictionary[Any, dict[tuple[str, str], Turn]] = WeakKeyDictionary()
