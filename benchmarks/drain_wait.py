"""Wait until the pipe is done with what was sent."""

import json
from pathlib import Path

from pipeline.provisioning.deployment import Deployment
from pipeline.reading import pipe
from pipeline.waiting import eventually

DRAIN_SECONDS = 900


def wait_until_drained(pipeline: Deployment, sent_log: Path) -> None:
    """Wait until every record that the log names has its outcome."""
    last: dict[str, int] = {}
    with sent_log.open() as lines:
        for line in lines:
            sent = json.loads(line)
            last[sent["shard_id"]] = max(last.get(sent["shard_id"], 0), int(sent["sequence_number"]))

    def is_drained() -> bool:
        reached = pipe.state(pipeline.cloud, pipeline.outputs).checkpoints or {}
        return all(int(reached.get(shard) or -1) >= place for shard, place in last.items())

    eventually(is_drained, DRAIN_SECONDS, every=0.1)
