"""Start, join and stop the embedded cloud."""

import json
import shutil
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout

from pipeline.emulator import emulator, faults, limits, pipe_settings
from pipeline.emulator.environment import bare
from pipeline.emulator.faults import Fault
from pipeline.emulator.process import Background, kill, members, scratch, write_json
from pipeline.errors import UserError
from pipeline.paths import command_line
from pipeline.safe_text import visible
from pipeline.waiting import eventually

START_SECONDS = 60
LOCK_SECONDS = 120
NOT_RUNNING = "no local cloud is running here"


class LocalCloudError(UserError):
    """The embedded cloud cannot do what was asked; the message is for people."""


class NotRunningError(LocalCloudError):
    """No embedded cloud runs for this state folder."""


class LocalCloud:
    """The embedded cloud that belongs to one state folder."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.emulator = Background("emulator", state_dir)
        self.pipes = Background("pipes", state_dir)
        self.checkpoints = state_dir / "checkpoints"  # how far the pipe runtime got; there as long as the cloud is
        self._status = state_dir / "status.json"  # what the pipe runtime last said of its pipes
        self._faults = state_dir / faults.FILE

    def start(self, port: int | None = None) -> str:
        """Start the cloud, or join the one that runs. Idempotent.

        Returns:
            The URL of its endpoint.
        """
        pipe_settings.read()  # refuses what is no value before anything is started
        with self._alone():
            if not self.is_running():
                if self.checkpoints.exists():
                    print("The local cloud had died, and what it held is lost; starting afresh.", file=sys.stderr)
                self._forget()
                try:
                    self._start_emulator(port)
                    self._ensure_pipes()
                except BaseException:  # a failed start leaves no process
                    self._forget()
                    raise
            elif port and port != self._port():
                move = f"{command_line('down', '--all')}, then {command_line('up', '--port', str(port))}"
                raise LocalCloudError(f"a local cloud runs here already, on port {self._port()}; to move it: {move}")
            else:
                self._make_scratch()  # if somebody took it away, functions could not start
                self._wait_until_healthy(self._port())
                self._ensure_pipes()
        return self.endpoint_url

    def join(self) -> str:
        """Return the endpoint of the cloud that runs here. A pipe runtime that died is started again.

        Raises:
            NotRunningError: there is none, or its emulator died and took its data along.
        """
        if not self.is_running():
            if self.checkpoints.exists():
                raise NotRunningError(
                    "the local cloud is gone: its emulator died, and what it held was in memory. "
                    f"Its log is {self.emulator.log}"
                )
            raise NotRunningError(NOT_RUNNING)
        with self._alone():
            self._ensure_pipes()
        return self.endpoint_url

    def is_running(self) -> bool:
        """Say whether the emulator lives."""
        return self.emulator.process() is not None

    def stop(self) -> None:
        """Stop everything that runs, and remove what it kept. Idempotent."""
        if not self.state_dir.exists() and not any(members(self.state_dir)):
            return
        with self._alone():
            self._forget()
            for file in (self.emulator.log, self.state_dir / "lock"):
                file.unlink(missing_ok=True)

    def status(self) -> dict[str, Any]:
        """Say what runs, and what the pipe runtime last said of its pipes, and when (see `pipe/status.py`).

        A pipe runtime that died is started again: so whoever waits for the pipes by asking does not wait in vain.
        """
        if self.pipes.log.exists() and not self.pipes.process() and self.is_running():
            with self._alone():
                if self.is_running():
                    self._ensure_pipes()
        try:
            said = json.loads(self._status.read_text())
        except (OSError, ValueError):
            said = {}
        return {
            "emulator": _described(self.emulator),
            "runtime": _described(self.pipes) | {"said_at": said.get("at")},
            "pipes": said.get("pipes", []),
        }

    def log(self, position: int = 0) -> tuple[list[str], int]:
        """Read the pipe runtime's log from a position on. Returns whole lines, and the position after them."""
        try:
            with self.pipes.log.open("rb") as log:
                log.seek(position)
                text = log.read()
        except OSError:
            return [], 0
        text = text[: text.rfind(b"\n") + 1]
        return text.decode(errors="replace").splitlines(), position + len(text)

    def faults(self) -> list[Fault]:
        """Return the faults in force."""
        return faults.in_force(self.state_dir)

    def inject(self, name: str, percent: int, seconds: float, operations: Collection[str] = ()) -> None:
        """Put a fault in force (`faults.KINDS` says which there are); one of the same name ends.

        Raises:
            WrongUsageError: there is no such fault, or it cannot strike an operation that is named.
        """
        fault = faults.make(name, percent, seconds, operations)
        with self._alone():
            kept = [each for each in self.faults() if each.name != name]
            write_json(self._faults, faults.as_json([*kept, fault]))

    def clear_faults(self, name: str | None = None) -> None:
        """End all faults, or the one of that name."""
        with self._alone():
            kept = [fault for fault in self.faults() if name and fault.name != name]
            write_json(self._faults, faults.as_json(kept))

    def kinds_of_faults(self) -> dict[str, str]:
        """Return by name what each fault does that there is."""
        return {name: kind.does for name, kind in faults.KINDS.items()}

    @property
    def endpoint_url(self) -> str:
        """The URL under which every AWS service of this cloud answers."""
        return emulator.endpoint(self._port())

    def _port(self) -> int:
        with suppress(psutil.Error):
            if process := self.emulator.process():
                return int(process.environ()["GATEWAY_PORT"])
        raise NotRunningError(NOT_RUNNING)

    def _start_emulator(self, wanted: int | None) -> None:
        if wanted and emulator.is_taken(wanted):
            raise LocalCloudError(f"port {wanted} is in use; choose another one, or none: a free one is found")
        self._make_scratch()
        for tries_left in reversed(range(1 if wanted else 3)):  # a free port may be taken before the emulator has it
            port = wanted or emulator.free_port()
            self.emulator.start(emulator.COMMAND, emulator.environment(port, scratch(self.state_dir)))
            try:
                return self._wait_until_healthy(port)
            except LocalCloudError:
                if self.is_running() or not tries_left:
                    raise
        return None

    def _make_scratch(self) -> None:
        (scratch(self.state_dir) / "home").mkdir(parents=True, exist_ok=True)

    def _wait_until_healthy(self, port: int) -> None:
        def is_decided() -> bool:
            process = self.emulator.process()
            return not process or (emulator.listens(process, port) and emulator.is_healthy(port))

        try:
            eventually(is_decided, START_SECONDS)
        except TimeoutError:
            raise LocalCloudError(
                f"the local cloud did not answer within {START_SECONDS} s. Its log is {self.emulator.log}. "
                f"To start afresh: {command_line('down', '--all')}, then {command_line('up')}"
            ) from None
        if not self.is_running():
            raise LocalCloudError(f"the local cloud did not start. The end of its log:\n{self.emulator.log_tail()}")

    def _ensure_pipes(self) -> None:
        if self.pipes.process():
            return
        if self.pipes.log.exists():
            tail = visible(self.pipes.log_tail())
            print(f"The pipe runtime had died; starting it again. The end of its log:\n{tail}", file=sys.stderr)
        self.checkpoints.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "pipeline.emulator.pipes", self.endpoint_url, str(self.state_dir)]
        self.pipes.start(command, bare(scratch(self.state_dir), (*pipe_settings.NAMES, limits.VARIABLE)))

    def _forget(self) -> None:
        if pipes := self.pipes.process():
            kill([pipes])  # first, or it would see the emulator go
        kill([process for process, _ in members(self.state_dir)])
        for folder in (self.checkpoints, scratch(self.state_dir)):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (self._status, self._faults, self.pipes.log):
            file.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one process at a time start or stop things."""
        try:
            self.state_dir.mkdir(parents=True, exist_ok=True)
            with FileLock(self.state_dir / "lock", timeout=LOCK_SECONDS):
                yield
        except Timeout:
            raise LocalCloudError(f"another process has kept this cloud locked for {LOCK_SECONDS} s") from None
        except OSError as error:
            raise LocalCloudError(f"cannot keep its state in {self.state_dir}: {error.strerror or error}") from error


def _described(background: Background) -> dict[str, Any]:
    process = background.process()
    return {"running": process is not None, "pid": process.pid if process else None, "log": str(background.log)}
