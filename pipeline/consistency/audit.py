"""The audit: waits until the pipe has done what was asked of it so far, then examines everything."""

import math
import time
from dataclasses import replace

from pipeline.cloud import Cloud
from pipeline.consistency import snapshots
from pipeline.consistency.examine import AuditResult, Examined, examine
from pipeline.reading import logs, pipe
from pipeline.waiting import Tell, eventually

TELL_SECONDS = 5.0


def audit(cloud: Cloud, outputs: dict[str, str], tell: Tell = lambda line: None, wait: bool = True) -> AuditResult:
    """Compare table and quarantine with an independent fold of the stream, from the newest snapshot or the beginning.

    Args:
        cloud: where they are.
        outputs: the stack's outputs.
        tell: told of progress, line by line.
        wait: whether to wait until all that is on the stream by now has its outcome. What keeps coming is not waited
            for. If nothing moves for the cloud's `patience_seconds`, that is a discrepancy.
    """
    asked, before = time.time(), None
    stands_still = wait and not _let_the_pipe_finish(cloud, outputs, asked, tell)
    changed_at = -math.inf if stands_still else time.monotonic()

    def settled() -> AuditResult | None:
        nonlocal before, changed_at
        examined = examine(cloud, outputs, tell)
        if not wait or examined.oldest_pending is None or examined.oldest_pending > asked:
            return examined.result
        moves = examined.oldest_pending != before or pipe.state(cloud, outputs).is_starting
        if moves and not stands_still:
            before, changed_at = examined.oldest_pending, time.monotonic()
            tell(f"{examined.result.pending} records are pending")
        if time.monotonic() - changed_at < cloud.patience_seconds:
            return None
        stuck = f"the pipe has not confirmed {examined.result.pending} records, and does not get any further"
        return replace(examined.result, discrepancies=[*examined.result.discrepancies, stuck])

    result = eventually(settled, every=max(cloud.poll_seconds, cloud.read_pause_seconds))
    assert result
    if result.discrepancies:
        result.discrepancies += _troubles(cloud, outputs)
    return result


def take_snapshot(cloud: Cloud, outputs: dict[str, str], tell: Tell = lambda line: None) -> tuple[str, Examined]:
    """Examine everything, and if nothing is wrong write a snapshot to start the next audit from.

    Returns:
        The snapshot's name in the artifact bucket, and what was examined; an empty name: it was not written.
    """
    examined = examine(cloud, outputs, tell)
    if examined.result.discrepancies:
        return "", examined
    name = snapshots.put(cloud, outputs, examined.stream, examined.state, examined.read_at)
    return name, examined


def _let_the_pipe_finish(cloud: Cloud, outputs: dict[str, str], asked: float, tell: Tell) -> bool:
    """Wait until the pipe says that it is past a moment, if it says anything: that saves reading everything twice.

    Returns:
        False if it stands still.
    """
    before, changed_at, told_at = pipe.state(cloud, outputs), time.monotonic(), time.monotonic()

    def is_past() -> str:
        nonlocal before, changed_at, told_at
        state, now = pipe.state(cloud, outputs), time.monotonic()
        if state != before or state.is_starting:
            before, changed_at = state, now
        if now - told_at > TELL_SECONDS:
            told_at = now
            tell(f"waiting until drained. {state.trouble}".rstrip())
        if state.checkpoints is None or (state.lag_seconds is not None and time.time() - state.lag_seconds > asked):
            return "past, or it does not say"
        return "stands still" if now - changed_at > cloud.patience_seconds else ""

    return eventually(is_past, every=cloud.poll_seconds) != "stands still"


def _troubles(cloud: Cloud, outputs: dict[str, str]) -> list[str]:
    """Say what the pipe and the projector complain of, in AWS's own words."""
    of_pipe, of_projector = pipe.state(cloud, outputs).trouble, logs.last_trouble(cloud, outputs)
    told = [f"the pipe reports: {of_pipe}"] * bool(of_pipe)
    return told + [f"the projector reports: {of_projector}"] * bool(of_projector)
