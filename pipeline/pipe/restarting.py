"""A thread that begins its work again after an error that nobody foresaw, and notes the error."""

import logging
import time
from abc import ABC, abstractmethod
from threading import Event, Thread

RESTART_SECONDS = 1.0

log = logging.getLogger("pipes")


class StoppedError(Exception):
    """The pipe was stopped in the middle of something; it will come again."""


class RestartingThread(Thread, ABC):
    """Does its `work` until that returns, or the pipe stops. `work` must bear being begun again after an exception."""

    def __init__(self, name: str, stop: Event) -> None:
        super().__init__(name=name, daemon=True)
        self.stop = stop
        self.crash = ""  # what stopped the work last, until `recovered`
        self.crashes = 0
        self.crashed_at = 0.0

    @abstractmethod
    def work(self) -> None:
        """Do what the thread is for."""

    def run(self) -> None:
        """Work, and after something unforeseen work again."""
        while not self.stop.is_set():
            try:
                return self.work()
            except StoppedError:
                return None
            except BaseException as error:
                self.crash, self.crashed_at = f"{type(error).__name__}: {error}", time.time()
                self.crashes += 1
                log.exception("%s stopped and goes on in %s s", self.name, RESTART_SECONDS)
                self.stop.wait(RESTART_SECONDS)
        return None

    def recovered(self) -> None:
        """Forget the crash: the work goes on."""
        self.crash = ""
