"""The processes of one local cloud. They outlive whoever started them, and are found again by what they are.

No file says which they are: it could be torn, or name a process that is no more, or be gone. A process belongs to a
cloud if its temporary folder is that cloud's, and what it runs is one of our modules or lies in that folder.
"""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

MODULES = {"emulator": "pipeline.emulator.launch", "pipes": "pipeline.emulator.pipes"}
DEATH_SECONDS = 5  # a process that the system is busy for dies when that is done


@dataclass(frozen=True)
class Background:
    """One background process of the cloud that keeps its state in a folder; its name is one of `MODULES`."""

    name: str
    folder: Path

    @property
    def log(self) -> Path:
        """What the process printed."""
        return self.folder / f"{self.name}.log"

    def start(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        """Start the process in a session of its own, so that Ctrl-C here does not reach it."""
        with self.log.open("ab") as log:
            subprocess.Popen(
                command, env=dict(env), cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def process(self) -> psutil.Process | None:
        """Return the process if it lives."""
        module = MODULES[self.name]
        return next((process for process, command in members(self.folder) if module in command), None)

    def log_tail(self, lines: int = 8) -> str:
        """Return the end of the log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""


def scratch(folder: Path) -> Path:
    """Return the temporary folder of everything that runs for the cloud that keeps its state in a folder."""
    return folder / "tmp"


def members(folder: Path) -> Iterator[tuple[psutil.Process, list[str]]]:
    """Find every process of a cloud, with its command: both background processes and all functions."""
    temporary = os.path.realpath(scratch(folder))
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            command, its_own = process.cmdline(), process.environ().get("TMPDIR", "")
            is_part = any(word in MODULES.values() or (its_own and word.startswith(its_own)) for word in command)
            if is_part and os.path.realpath(its_own) == temporary and process.status() != psutil.STATUS_ZOMBIE:
                yield process, command


def kill(processes: Sequence[psutil.Process]) -> None:
    """Kill processes and all that they started. Their cloud goes with them, so none has anything to save."""
    family = list(processes)
    for process in processes:
        with suppress(psutil.Error):
            family += process.children(recursive=True)
    for process in family:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(family, timeout=DEATH_SECONDS)


def write_json(path: Path, value: Any) -> None:
    """Replace a file in one step, so that whoever reads it sees the old or the new, never half."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(value))
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
