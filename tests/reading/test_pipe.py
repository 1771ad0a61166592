"""What the pipe says of itself, as it is passed on."""

from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.reading import pipe

THROTTLED = "An error occurred (ProvisionedThroughputExceededException) when calling the GetRecords operation"


def trouble(**facts: Any) -> str:
    shard = {"shard_id": "s", "unfinished": 0, "error": "", "last_error": "", "lag_seconds": 0.1, "checkpoint": None}
    status = {
        "pipes": [{"pipe": "pipe", "state": "RUNNING", "error": "", "drained": {}, "shards": [shard | facts]}],
        "runtime": {"said_at": 0.0},
    }
    cloud: Any = SimpleNamespace(pipe_status=lambda: status)
    return pipe.state(cloud, {"PipeName": "pipe"}).trouble


@pytest.mark.parametrize(("facts", "told"), [
    ({"error": "denied", "last_error": "denied"}, "denied"),
    ({"unfinished": 3, "last_error": "out of order"}, "out of order"),
    ({"last_error": "it is over"}, ""),
    ({"error": THROTTLED, "last_error": THROTTLED}, ""),
    ({"error": THROTTLED, "last_error": THROTTLED, "lag_seconds": 11.0}, THROTTLED),
])  # fmt: skip
def test_what_troubles_a_shard_is_told_and_a_read_throttled_now_and_then_is_not(facts, told):
    assert trouble(**facts) == told
