"""The pipe runtime: follows the pipes that are deployed, and runs each under its own role.

It imports nothing of the project that it is part of. Whoever runs it says how clients are made, and where it keeps how
far it got.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from threading import Event
from typing import Any

from pipeline.pipe import status
from pipeline.pipe.checkpoints import Checkpoints, WriteJson
from pipeline.pipe.discovery import discover, settings_of
from pipeline.pipe.metrics import Metrics
from pipeline.pipe.pipe import Client, PipeRun
from pipeline.pipe.settings import PipeSettings
from pipeline.pipe.validation import problem_of

FOLLOW_SECONDS = 0.5
ENDING_SECONDS = 3.0  # for what is under way, once the runtime has to stop

log = logging.getLogger("pipes")


@dataclass
class Runtime:
    """All pipes of one account in one region.

    Args:
        owner: makes a client for a service, with the rights of whoever owns the account.
        role: takes a role's ARN and a name for the session; returns what makes clients with the rights of that role.
        account_id: whose pipes they are.
        checkpoints: the folder in which to keep how far each pipe got.
        write_json: replaces a file in one step.
        settings: of every pipe, beside those that DescribePipe tells (see `PipeSettings`).
        disable: stops a pipe for good, with a reason: it met 4xx errors without a break.
    """

    owner: Client
    role: Callable[[str, str], Client]
    account_id: str
    checkpoints: Path
    write_json: WriteJson
    settings: dict[str, Any] = field(default_factory=dict)
    disable: Callable[[str, str], None] = lambda name, reason: None
    runs: dict[str, PipeRun] = field(default_factory=dict, init=False)  # by the ARN of the pipe

    def __post_init__(self) -> None:
        self.owner = cache(self.owner)
        self._ending: dict[str, PipeRun] = {}  # stopped, with something still under way
        self._not_run: dict[str, tuple[PipeSettings, str]] = {}
        self._stop = Event()
        self.metrics = Metrics(lambda: self.owner("cloudwatch"), self.account_id, self._executions, self._stop)
        self.metrics.start()

    def follow(self) -> None:
        """Start what was deployed, stop what was stopped or deleted, restart what was changed."""
        for run in self.runs.values():
            if reason := run.refusal:
                log.warning("disabling %s: %s", run.pipe.name, reason)
                self.disable(run.pipe.name, reason)
        settings = [settings_of(pipe, **self.settings) for pipe in discover(self.owner)]
        wanted = {pipe.arn: pipe for pipe in settings}
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
                log.info("starting %s: %s", pipe.name, _what_is_set(pipe))
                self.runs[arn] = self._start(pipe)
        self._not_run = {arn: (pipe, problem) for arn, (pipe, problem) in problems.items() if problem}

    def status(self) -> list[dict[str, Any]]:
        """Say of every pipe how far it is and what went wrong last."""
        running = [status.of_pipe(run) for run in self.runs.values()]
        return running + [status.of_pipe_not_run(pipe, problem) for pipe, problem in self._not_run.values()]

    def serve(self, stop: Event, report: Callable[[list[dict[str, Any]]], None], is_needed: Callable[[], bool]) -> None:
        """Follow the pipes until told to stop, or until their cloud is gone.

        Args:
            stop: set by whoever wants the runtime to end.
            report: takes every pipe's status, about twice a second.
            is_needed: asked when the cloud does not answer; says whether it still runs.
        """
        complaints: dict[str, str] = {}
        while not stop.wait(FOLLOW_SECONDS):
            _attempt("the pipes", self.follow, complaints)
            if "the pipes" in complaints and not is_needed():
                log.info("the cloud is gone; so am I")
                break
            _attempt("the status", lambda: report(self.status()), complaints)
        self.stop()

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
        kept = Checkpoints(self.checkpoints, pipe, self.write_json)
        run = PipeRun(pipe, self.role(pipe.role_arn, pipe.name[:64]), kept, self.metrics.measure)
        run.start()
        return run


def _what_is_set(pipe: PipeSettings) -> str:
    """Say what a pipe is set to, where that is not the default."""
    values = [(setting, getattr(pipe, setting.name)) for setting in fields(pipe) if setting.name != "arn"]
    return ", ".join(f"{setting.name} {value}" for setting, value in values if value != setting.default)


def _attempt(what: str, work: Callable[[], None], complaints: dict[str, str]) -> None:
    """Do something that may fail and is tried again soon. Say so in the log when the reason is a new one."""
    try:
        work()
        complaints.pop(what, None)
    except Exception as error:
        if complaints.get(what) != str(error):
            complaints[what] = str(error)
            log.warning("%s: %s", what, error)
