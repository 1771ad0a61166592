"""What an operator wants to see of a pipe: how far it is on every shard, how much is left, what went wrong last."""

import time
from dataclasses import asdict, fields
from typing import Any

from pipeline.pipe.delivery import Tally
from pipeline.pipe.pipe import PipeRun
from pipeline.pipe.settings import PipeSettings
from pipeline.pipe.shard import ShardReader

COUNTERS = [counter.name for counter in fields(Tally) if counter.type in (int, "int")]


def of_pipe(run: PipeRun) -> dict[str, Any]:
    """Describe a running pipe. `error` is what troubles it now; what went wrong last stays with the shard.

    `drained` names the closed shards that it is done with, read by this run or one before, and their last checkpoint.
    """
    return {
        "pipe": run.pipe.name,
        "arn": run.pipe.arn,
        "state": "STARTING" if run.is_starting else "RUNNING",
        "error": run.error,
        "shards": [of_shard(run, shard_id, reader) for shard_id, reader in sorted(run.readers.items())],
        "drained": run.checkpoints.drained(),
    }


def of_pipe_not_run(pipe: PipeSettings, why: str) -> dict[str, Any]:
    """Describe a pipe that is deployed and not run."""
    return {"pipe": pipe.name, "arn": pipe.arn, "state": "NOT RUN", "error": why, "shards": [], "drained": {}}


def of_shard(run: PipeRun, shard_id: str, reader: ShardReader) -> dict[str, Any]:
    """Describe one shard.

    Returns:
        Its `checkpoint` (everything up to there has ended), `lag_records` (None while it is not known: the stream says
        in seconds only what lies unread), `lag_seconds`, counters since the run began, and errors: `error` for what
        troubles it now, `last_error` and `last_error_at` for the last one, whether or not it is over.
    """
    tallies = [sender.delivery.tally for sender in reader.senders]
    crashes = [(thread.crash, thread.crashed_at) for thread in (reader, *reader.senders) if thread.crash]
    last = max(tallies, key=lambda tally: tally.last_error_at or 0)
    error = reader.error or next((crash for crash, _ in crashes), "")
    return {
        "shard_id": shard_id,
        "checkpoint": run.checkpoints.after(shard_id),
        "drained": run.checkpoints.is_drained(shard_id),
        "unfinished": reader.progress.unfinished,
        "behind_seconds": reader.behind_seconds,
        "lag_records": None if reader.behind_seconds is None or reader.behind_seconds else reader.progress.unfinished,
        "lag_seconds": _lag_seconds(reader),
        "filtered": reader.filtered,
        "crashes": sum(thread.crashes for thread in (reader, *reader.senders)),
        **{name: sum(asdict(tally)[name] for tally in tallies) for name in COUNTERS},
        "error": error,
        "last_error": error or last.last_error,
        "last_error_at": max([at for _, at in crashes], default=last.last_error_at),
    }


def _lag_seconds(reader: ShardReader) -> float | None:
    oldest = reader.progress.oldest_arrived_at
    return reader.behind_seconds if oldest is None else round(max(0.0, time.time() - oldest), 3)
