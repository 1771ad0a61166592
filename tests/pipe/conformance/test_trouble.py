"""Credentials that expire, and what nobody foresaw."""

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from botocore.exceptions import ReadTimeoutError

from pipeline.emulator import aws
from tests.pipe.harness import LAPTOP, ROLE, SHARD, Harness, tally_of

# ── Credentials ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_credentials_are_renewed_before_they_expire(harness: Harness) -> None:
    """STS, API_AssumeRole: credentials last an hour by default; a pipe runs for longer."""
    lasts = [timedelta(minutes=2), timedelta(hours=1)]
    given: list[str] = []

    class Sts:
        def assume_role(self, **asked: str) -> dict[str, Any]:
            assert asked == {"RoleArn": ROLE, "RoleSessionName": "stock-pipe"}
            given.append(f"key-{len(given)}")
            expires = datetime.now(UTC) + lasts[len(given) - 1]
            keys = {"AccessKeyId": given[-1], "SecretAccessKey": "s", "SessionToken": "t", "Expiration": expires}
            return {"Credentials": keys}

    with patch.object(aws, "client", lambda *_, **__: Sts()):
        session = aws.role_session("http://127.0.0.1:1", ROLE, "stock-pipe")
        assert given == []
        used = [session.get_credentials().get_frozen_credentials().access_key for _ in range(3)]  # type: ignore[union-attr]
    assert used == ["key-0", "key-1", "key-1"]  # the first were about to expire


# ── Trouble ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_lane_that_something_unforeseen_stops_is_seen_and_goes_on(harness: Harness) -> None:
    """Ours: a dead lane would be a shard that stands still in silence."""
    held = harness.gate()
    run = harness.run(batch_size=2)
    harness.eventually(lambda: SHARD in run.readers)
    [lane] = run.readers[SHARD].lanes
    whole = lane.delivery.deliver

    def breaks(batch: Any, retries: int = 0) -> None:
        if not held.is_set():
            raise MemoryError("no room")
        whole(batch, retries)

    lane.delivery.deliver = breaks  # type: ignore[method-assign]
    for n in range(4):
        harness.kinesis.put(LAPTOP, str(n))
    harness.eventually(lambda: "MemoryError: no room" in tally_of(run)["error"])
    held.set()
    harness.eventually(lambda: harness.is_drained(run))
    assert harness.delivered() == ["0", "1", "2", "3"]
    harness.eventually(lambda: tally_of(run)["error"] == "")
    assert tally_of(run)["crashes"] > 0


def test_a_reader_that_something_unforeseen_stops_is_seen_and_goes_on(harness: Harness) -> None:
    """Ours: and nothing of what it had read is lost or repeated."""
    held = harness.gate()
    harness.kinesis.put(LAPTOP, "0")
    run = harness.run()
    harness.eventually(lambda: harness.is_drained(run))
    reader = run.readers[SHARD]
    whole = reader._filters.accept

    def breaks(text: str) -> bool:
        if not held.is_set():
            raise RuntimeError("what now")
        return whole(text)

    reader._filters.accept = breaks  # type: ignore[method-assign]
    harness.kinesis.put(LAPTOP, "1")
    harness.eventually(lambda: "what now" in tally_of(run)["error"])
    held.set()
    harness.eventually(lambda: harness.is_drained(run))
    assert harness.delivered() == ["0", "1"]


def test_a_stalled_stream_is_waited_for(harness: Harness) -> None:
    """Ours: whatever GetRecords raises, the shard stays where it was, and the operator sees it."""
    harness.kinesis.put(LAPTOP, "0")
    stalled = [ReadTimeoutError(endpoint_url="http://127.0.0.1:1") for _ in range(40)]
    harness.kinesis.read_errors.extend(stalled)
    run = harness.run()
    harness.eventually(lambda: run.readers and "Read timeout" in tally_of(run)["error"])
    harness.eventually(lambda: harness.is_drained(run))
    assert harness.delivered() == ["0"] and run.readers[SHARD].error == ""


def test_a_shard_that_is_gone_is_left_and_its_children_are_read(harness: Harness) -> None:
    """Ours: a shard goes when its retention has passed; an emulator may drop it with the reshard."""
    run = harness.run()
    harness.eventually(lambda: SHARD in run.readers)
    for child in harness.kinesis.split(SHARD):
        harness.kinesis.put(LAPTOP, child, shard_id=child)
    del harness.kinesis.shards[SHARD]
    harness.eventually(lambda: len(harness.delivered()) == 2)
