"""The pipe runtime: `python -m pipeline.pipe.runtime ENDPOINT_URL STATE_DIR`.

Follows the pipes that are deployed, runs each under its own role, writes what they are doing to `status.json`.
Ends by itself when the emulator is gone.
"""

import logging
import os
import signal
import sys
import time
from dataclasses import fields
from pathlib import Path
from threading import Event
from typing import Any

from pipeline.emulator import aws
from pipeline.emulator.process import Background, write_json
from pipeline.pipe import status
from pipeline.pipe.discovery import discover
from pipeline.pipe.metrics import Metrics
from pipeline.pipe.pipe import PipeRun
from pipeline.pipe.settings import PipeSettings
from pipeline.pipe.validation import problem_of

FOLLOW_SECONDS = 0.5
ENDING_SECONDS = 3.0  # for what is under way, once the runtime has to stop

log = logging.getLogger("pipes")


class Runtime:
    """All pipes of one embedded cloud."""

    def __init__(self, endpoint_url: str, state_dir: Path) -> None:
        self.endpoint_url, self.state_dir = endpoint_url, state_dir
        self.runs: dict[str, PipeRun] = {}
        self._ending: dict[str, PipeRun] = {}  # stopped, with something still under way
        self._not_run: dict[str, tuple[PipeSettings, str]] = {}
        self._stop = Event()
        root = aws.root_session()
        clients: dict[str, Any] = {}
        patience = {"connect_timeout": 2, "read_timeout": 10, "retries": {"total_max_attempts": 1}}
        self._root = lambda service: clients.setdefault(service, aws.client(root, service, endpoint_url, **patience))
        self.metrics = Metrics(lambda: self._root("cloudwatch"), self._executions, self._stop)
        self.metrics.start()

    def follow(self) -> None:
        """Start what was deployed, stop what was stopped or deleted, restart what was changed."""
        wanted = {pipe.arn: pipe for pipe in discover(self._root)}
        for arn, run in list(self.runs.items()):
            if wanted.get(arn) != run.pipe:
                log.info("stopping %s", run.pipe.name)
                run.halt()
                self._ending[arn] = self.runs.pop(arn)
        self._ending = {arn: run for arn, run in self._ending.items() if not run.is_over}
        problems = {arn: (pipe, problem_of(pipe)) for arn, pipe in wanted.items() if arn not in self.runs}
        for arn, (pipe, problem) in problems.items():
            if problem and self._not_run.get(arn) != (pipe, problem):
                log.warning("%s is not run: %s", pipe.name, problem)
            elif not problem and arn not in self._ending:  # or a batch under way would be delivered twice at once
                log.info("starting %s: %s", pipe.name, _told(pipe))
                self.runs[arn] = self._start(pipe)
        self._not_run = {arn: found for arn, found in problems.items() if found[1]}

    def status(self) -> list[dict[str, Any]]:
        """Say of every pipe how far it is and what went wrong last."""
        running = [status.of_pipe(run) for run in self.runs.values()]
        return running + [status.of_pipe_not_run(pipe, why) for pipe, why in self._not_run.values()]

    def stop(self) -> None:
        """Stop everything, and give what is under way a moment to end."""
        runs = [*self.runs.values(), *self._ending.values()]
        for run in runs:
            run.halt()
        self._stop.set()
        deadline = time.monotonic() + ENDING_SECONDS
        for thread in (thread for run in runs for thread in run.threads if thread.is_alive()):
            thread.join(max(0.0, deadline - time.monotonic()))

    def _executions(self) -> int:
        return sum(run.executions for run in list(self.runs.values()))

    def _start(self, pipe: PipeSettings) -> PipeRun:
        session = aws.role_session(self.endpoint_url, pipe.role_arn, pipe.name[:64])

        def client(service: str, **config: Any) -> Any:
            return aws.client(session, service, self.endpoint_url, **config)

        run = PipeRun(pipe, client, self.state_dir / "checkpoints", self.metrics.measure)
        run.start()
        return run


def _told(pipe: PipeSettings) -> str:
    """Say what a pipe is set to, where that is not the default."""
    given = ((each, getattr(pipe, each.name)) for each in fields(pipe))
    return ", ".join(f"{each.name} {value}" for each, value in given if value != each.default and each.name != "arn")


def main(endpoint_url: str, state_dir: Path) -> None:
    """Run until told to stop, or until the emulator is gone."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    emulator = Background("emulator", state_dir)
    runtime = Runtime(endpoint_url, state_dir)
    complaints: dict[str, str] = {}
    while not stop.wait(FOLLOW_SECONDS):
        _attempt("the emulator", runtime.follow, complaints)
        if "the emulator" in complaints and not emulator.process():
            log.info("the emulator is gone; so am I")
            break
        said = {"pid": os.getpid(), "at": round(time.time(), 3), "pipes": runtime.status()}
        _attempt("status.json", lambda said=said: write_json(state_dir / "status.json", said), complaints)
    runtime.stop()


def _attempt(what: str, work: Any, complaints: dict[str, str]) -> None:
    """Do something that may fail and is tried again soon. Say so in the log when the reason is a new one."""
    try:
        work()
        complaints.pop(what, None)
    except Exception as error:
        if complaints.get(what) != str(error):
            complaints[what] = str(error)
            log.warning("%s: %s", what, error)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
