"""Hold back what would end this process, for a moment in which that would leave something half-made."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

HELD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # Ctrl-C, `kill`, and a terminal that is closed


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let signals wait until the block has ended. (Python handles them in the main thread: others need no guard.)"""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def hold(number: int, frame: Any) -> None:
        came.append(number)

    before = {number: signal.signal(number, hold) for number in HELD}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for held in came:
            signal.raise_signal(held)
