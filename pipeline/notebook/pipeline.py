"""A deployment as a notebook talks to it."""

import json
import time
from typing import Any

import pandas as pd

from pipeline.consistency import audit, history, snapshots
from pipeline.consistency.snapshots import Snapshot
from pipeline.errors import UserError
from pipeline.notebook.story import BY_HAND
from pipeline.provisioning.deployment import Deployment
from pipeline.reading import frames, quarantine, queues
from pipeline.recovery import rebuild, redrive, resend
from pipeline.waiting import eventually


class Pipeline(Deployment):
    """What the verbs of the command line do, with frames in place of lines."""

    def stock(self, include_removed: bool = False) -> pd.DataFrame:
        """Return what is in stock, one row per product."""
        return frames.stock(self.cloud, self.outputs["StockTableName"], include_removed)

    def audit(self, wait: bool = True) -> audit.AuditResult:
        """Compare table and quarantine with an independent fold of the stream, once drained or at once."""
        return audit.audit(self.cloud, self.outputs, wait=wait)

    def snapshot(self) -> Snapshot:
        """Write a snapshot, and read it back from the bucket.

        Raises:
            UserError: the audit found something, so none was written.
        """
        name, examined = audit.take_snapshot(self.cloud, self.outputs)
        if not name:
            raise UserError(f"no snapshot, for the audit found: {'; '.join(examined.result.discrepancies)}")
        written = snapshots.newest(self.cloud, self.outputs, examined.stream, print)
        assert written
        return written

    def history(self, product_id: str) -> pd.DataFrame:
        """Return every record of one product, with its outcome and the stock after it, one row each."""
        return pd.DataFrame(history.history(self.cloud, self.outputs, product_id).entries)

    def quarantine(self, product_id: str | None = None) -> pd.DataFrame:
        """Return the quarantined records, of all products or of one, one row each."""
        frame = frames.quarantine(self.cloud, self.outputs["QuarantineTableName"])
        return frame if product_id is None else frame[frame["partition_key"] == product_id]

    def refused(self, record_id: str) -> dict[str, Any]:
        """Return one quarantined record's item, with its bytes."""
        return quarantine.item_of(self.cloud, self.outputs["QuarantineTableName"], record_id)

    def resend(self, record_id: str, corrected: dict[str, Any]) -> resend.Resent:
        """Send a corrected event in the place of a quarantined record that was sent by hand."""
        data = json.dumps(corrected | BY_HAND).encode()
        return resend.resend(self.cloud, self.outputs, resend.prepare(self.cloud, self.outputs, record_id, data))

    def redrive(self, dry_run: bool = False) -> redrive.Redriven:
        """Bring back what the pipe gave up, once no attempt of it can be at work; or say what would be done."""

        function = self.cloud.client("lambda").get_function_configuration(FunctionName=self.outputs["ProjectorName"])
        letters = queues.dead_letters(self.cloud.client("sqs"), self.outputs["DeadLetterQueueUrl"])
        newest = max((letter.sent_at for letter in letters), default=0.0)
        eventually(lambda: time.time() > newest + function["Timeout"], every=self.cloud.poll_seconds)
        return redrive.redrive(self.cloud, self.outputs, dry_run=dry_run)

    def rebuild(self) -> rebuild.Rebuilt:
        """Fold snapshot and stream into a table beside the live one, compare them, and delete it again."""
        rebuilt = rebuild.rebuild(self)
        rebuild.discard(self)
        return rebuilt

    def dismiss(self, record_id: str, note: str) -> None:
        """Decide that a quarantined record is not to be applied, and say why."""
        resend.dismiss(self.cloud, self.outputs, record_id, note)
