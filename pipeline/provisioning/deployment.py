"""The pipeline as one thing: brought up, found again by name, fed, looked at, taken down."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline import cloud
from pipeline.cloud import Cloud
from pipeline.consistency import audit
from pipeline.provisioning import stack, takeover
from pipeline.reading import quarantine, stock
from pipeline.stories import producer
from pipeline.stories.scenarios import NewRecord

Tell = Callable[[str], None]


def _silent(line: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Deployment:
    """A stack that runs somewhere. Holds nothing but names: all state is in the cloud."""

    cloud: Cloud
    stack_name: str
    outputs: dict[str, str]

    @property
    def sent_log(self) -> Path:
        """The file that says what was sent to this stack's stream, and where it lies."""
        return sent_folder(self.cloud, self.stack_name) / "sent.jsonl"

    def send(self, entries: list[NewRecord], *, rate: float | None = None, progress: bool = True) -> producer.Sent:
        """Send a story; returns when every record was accepted."""
        kinesis = self.cloud.client("kinesis")
        return producer.publish(
            kinesis, self.outputs["StreamName"], entries, rate=rate, sent_log=self.sent_log, progress=progress
        )

    def stock(self, include_removed: bool = False) -> pd.DataFrame:
        """Return what is in stock, one row per product."""
        return stock.stock(self.cloud, self.outputs["StockTableName"], include_removed)

    def quarantine(self) -> pd.DataFrame:
        """Return the quarantined records, one row each."""
        return quarantine.quarantine(self.cloud, self.outputs["QuarantineTableName"])

    def audit(self, tell: Tell = _silent) -> audit.AuditResult:
        """Wait until drained, then compare table and quarantine with an independent fold of the stream."""
        return audit.audit(self.cloud, self.outputs, tell)


def up(where: Cloud, stack_name: str, parameters: stack.Parameters | None = None, tell: Tell = _silent) -> Deployment:
    """Provision and deploy, and wait until the pipe runs. Idempotent."""
    keep_days = stack.days_in_quarantine(where, stack_name, parameters)
    kept = sent_folder(where, stack_name) / "old_quarantine.jsonl"
    if stack.describe(where, stack_name):
        takeover.begin(where, stack_name, kept, tell)
    else:
        _forget_what_was_sent(where, stack_name)  # to a stack of the same name that is no more
    stack.provision(where, stack_name, parameters, tell)
    stack.deploy(where, stack_name, parameters, tell)
    takeover.finish(where, stack_name, kept, keep_days)
    stack.wait_until_running(where, stack_name)
    return find(where, stack_name)


def find(where: Cloud, stack_name: str) -> Deployment:
    """Return the deployment of that name, which must be there."""
    return Deployment(where, stack_name, stack.deployed(where, stack_name))


def down(where: Cloud, stack_name: str, tell: Tell = _silent) -> None:
    """Delete the stack and forget what was sent to it. Idempotent."""
    stack.delete(where, stack_name, tell)
    _forget_what_was_sent(where, stack_name)


def sent_folder(where: Cloud, stack_name: str) -> Path:
    """Return the folder of all that is noted about what was sent to a stack."""
    return cloud.sent_folder(where.name) / stack_name


def _forget_what_was_sent(where: Cloud, stack_name: str) -> None:
    shutil.rmtree(sent_folder(where, stack_name), ignore_errors=True)
