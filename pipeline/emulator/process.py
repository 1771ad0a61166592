"""A process that outlives its parent and is found again through a file."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

STOP_SECONDS = 5


@dataclass(frozen=True)
class Background:
    """One background process. `card` says who it is; the log sits beside it."""

    name: str
    folder: Path

    @property
    def card(self) -> Path:
        """The file that names the process: its pid, when that was created, and what the starter noted."""
        return self.folder / f"{self.name}.json"

    @property
    def log(self) -> Path:
        """What the process printed."""
        return self.folder / f"{self.name}.log"

    def start(self, command: Sequence[str], env: Mapping[str, str], **notes: Any) -> None:
        """Start the process in a session of its own, so that Ctrl-C here does not reach it."""
        with self.log.open("ab") as log, uninterrupted():
            process = subprocess.Popen(
                command,
                env=dict(env),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                created = psutil.Process(process.pid).create_time()
                write_json(self.card, {"pid": process.pid, "created": created, **notes})
            except BaseException:
                process.kill()
                raise

    def notes(self) -> dict[str, Any] | None:
        """Return the card, if it can be read."""
        try:
            return json.loads(self.card.read_text())
        except (OSError, ValueError):
            return None

    def process(self) -> psutil.Process | None:
        """Return the process if it lives. A pid that somebody else got since is not it."""
        notes = self.notes()
        if not notes:
            return None
        try:
            process = psutil.Process(notes["pid"])
            same = abs(process.create_time() - notes["created"]) < 1
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (psutil.Error, KeyError, TypeError):
            return None

    def stop(self) -> None:
        """End the process and all that it started, also what outlived it, and forget it."""
        process, notes = self.process(), self.notes()
        if process:
            end([process, *process.children(recursive=True)])
        if notes:
            end(left_of(notes))
        self.card.unlink(missing_ok=True)

    def log_tail(self, lines: int = 8) -> str:
        """Return the end of the log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""


def end(family: list[psutil.Process]) -> None:
    """Ask processes to stop, then insist."""
    for member in family:
        with suppress(psutil.Error):
            member.terminate()
    _, alive = psutil.wait_procs(family, timeout=STOP_SECONDS)
    for member in alive:
        with suppress(psutil.Error):
            member.kill()
    psutil.wait_procs(alive, timeout=STOP_SECONDS)


def left_of(notes: dict[str, Any]) -> list[psutil.Process]:
    """Find what is left of a session whose leader is gone: what it started, and was not there to end."""
    try:
        if psutil.pid_exists(notes["pid"]):  # whoever that is now, it is not ours
            return []
        return [
            process
            for process in psutil.process_iter()
            if _session_of(process.pid) == notes["pid"] and process.create_time() >= notes["created"] - 1
        ]
    except (psutil.Error, KeyError, TypeError):
        return []


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back Ctrl-C for a moment in which it would leave something half-made."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[Any] = []
    before = signal.signal(signal.SIGINT, lambda *_: held.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if held:
            signal.raise_signal(signal.SIGINT)


def write_json(path: Path, value: Any) -> None:
    """Replace a file in one step, so that whoever reads it sees the old or the new, never half."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(value))
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
