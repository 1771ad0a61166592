"""How far a pipe got, over restarts, bad files and a full disk."""

from unittest.mock import patch

import pytest

from pipeline.pipe import checkpoints, status
from tests.pipe.harness import LAPTOP, SHARD, Harness, data_of, poisoned


def test_a_pipe_goes_on_behind_what_had_ended(harness: Harness) -> None:
    """Guide, eb-pipes-kinesis: "it checkpoints to the highest sequence number of a batch"."""
    for n in range(5):
        harness.kinesis.put(LAPTOP, str(n))
    first = harness.run()
    harness.eventually(lambda: harness.is_drained(first))
    harness.stop(first)
    harness.kinesis.put(LAPTOP, "5")
    second = harness.run()
    harness.eventually(lambda: harness.is_drained(second))
    assert harness.delivered() == ["0", "1", "2", "3", "4", "5"]


def test_only_what_had_not_ended_comes_again(harness: Harness) -> None:
    """As above: "but only when the batch is a complete success"."""
    harness.function.does = poisoned
    for n in range(6):
        harness.kinesis.put(LAPTOP, "poison" if n == 3 else str(n))
    first = harness.run(batch_size=2)
    harness.eventually(lambda: len(harness.function.batches) > 4)
    harness.stop(first)
    harness.function.does = lambda records: None
    before = len(harness.function.batches)
    second = harness.run(batch_size=2)
    harness.eventually(lambda: harness.is_drained(second))
    assert [data_of(r) for batch in harness.function.batches[before:] for r in batch] == ["2", "poison", "4", "5"]


def test_latest_misses_nothing_over_a_restart_before_its_first_record(harness: Harness) -> None:
    """Guide, eb-pipes-kinesis: a pipe that ran has a place in the stream, also while it delivered nothing (?)."""
    first = harness.run(starting_position="LATEST")
    harness.eventually(lambda: harness.kinesis.polls)
    harness.stop(first)
    harness.kinesis.put(LAPTOP, "meanwhile")
    harness.run(starting_position="LATEST")
    harness.eventually(lambda: harness.delivered() == ["meanwhile"])


def test_a_pipe_made_again_under_its_name_starts_from_its_starting_position(harness: Harness) -> None:
    """Guide, eb-pipes-error-troubleshooting: "delete the pipe and create a new one" starts over."""
    harness.kinesis.put(LAPTOP, "0")
    first = harness.run(created_at=1.0)
    harness.eventually(lambda: harness.is_drained(first))
    harness.stop(first)
    harness.run(created_at=2.0)
    harness.eventually(lambda: harness.delivered() == ["0", "0"])


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"shards": 7}'])
def test_a_checkpoint_file_that_cannot_be_read_means_starting_over(harness: Harness, text: str) -> None:
    """Ours: at least once is kept, and the log says so."""
    harness.kinesis.put(LAPTOP, "0")
    first = harness.run()
    harness.eventually(lambda: harness.is_drained(first))
    harness.stop(first)
    [file] = harness.folder.glob("*.json")
    file.write_text(text)
    harness.run()
    harness.eventually(lambda: harness.delivered() == ["0", "0"])


def test_a_full_disk_stops_nothing_and_is_told(harness: Harness) -> None:
    """Ours: what could not be written is written later; until then a crash would repeat records, not lose them."""
    full = OSError(28, "No space left on device")
    with patch.object(checkpoints, "write_json", side_effect=full):
        harness.kinesis.put(LAPTOP, "0")
        harness.kinesis.split(SHARD)
        first = harness.run()
        harness.eventually(lambda: harness.delivered() == ["0"])
        harness.eventually(lambda: "No space left" in status.of_pipe(first)["error"])
        harness.eventually(lambda: not first.readers[SHARD].lanes[0].is_alive())
        harness.looks_again()
        assert list(first.readers) == [SHARD]  # the children wait until the disk knows that their parent is drained
    harness.eventually(lambda: len(first.readers) == 3 and first.error == "")
    harness.stop(first)
    second = harness.run()
    harness.eventually(lambda: second.checkpoints.is_drained(SHARD) and len(second.readers) == 2)
    assert harness.delivered() == ["0"]
