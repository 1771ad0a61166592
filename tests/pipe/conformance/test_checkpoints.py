"""How far a pipe got, over restarts, bad files and a full disk."""

from unittest.mock import patch

import pytest

from pipeline.pipe import checkpoints, status
from tests.pipe.world import LAPTOP, SHARD, World, data_of, poisoned


def test_a_pipe_goes_on_behind_what_had_ended(world: World) -> None:
    """Guide, eb-pipes-kinesis: "it checkpoints to the highest sequence number of a batch"."""
    for n in range(5):
        world.kinesis.put(LAPTOP, str(n))
    first = world.run()
    world.eventually(lambda: world.is_drained(first))
    world.stop(first)
    world.kinesis.put(LAPTOP, "5")
    second = world.run()
    world.eventually(lambda: world.is_drained(second))
    assert world.delivered() == ["0", "1", "2", "3", "4", "5"]


def test_only_what_had_not_ended_comes_again(world: World) -> None:
    """As above: "but only when the batch is a complete success"."""
    world.function.does = poisoned
    for n in range(6):
        world.kinesis.put(LAPTOP, "poison" if n == 3 else str(n))
    first = world.run(batch_size=2)
    world.eventually(lambda: len(world.function.batches) > 4)
    world.stop(first)
    world.function.does = lambda records: None
    before = len(world.function.batches)
    second = world.run(batch_size=2)
    world.eventually(lambda: world.is_drained(second))
    assert [data_of(r) for batch in world.function.batches[before:] for r in batch] == ["2", "poison", "4", "5"]


def test_latest_misses_nothing_over_a_restart_before_its_first_record(world: World) -> None:
    """Guide, eb-pipes-kinesis: a pipe that ran has a place in the stream, also while it delivered nothing (?)."""
    first = world.run(starting_position="LATEST")
    world.eventually(lambda: world.kinesis.polls)
    world.stop(first)
    world.kinesis.put(LAPTOP, "meanwhile")
    world.run(starting_position="LATEST")
    world.eventually(lambda: world.delivered() == ["meanwhile"])


def test_a_pipe_made_again_under_its_name_starts_from_its_starting_position(world: World) -> None:
    """Guide, eb-pipes-error-troubleshooting: "delete the pipe and create a new one" starts over."""
    world.kinesis.put(LAPTOP, "0")
    first = world.run(created_at=1.0)
    world.eventually(lambda: world.is_drained(first))
    world.stop(first)
    world.run(created_at=2.0)
    world.eventually(lambda: world.delivered() == ["0", "0"])


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"shards": 7}'])
def test_a_checkpoint_file_that_cannot_be_read_means_starting_over(world: World, text: str) -> None:
    """Ours: at least once is kept, and the log says so."""
    world.kinesis.put(LAPTOP, "0")
    first = world.run()
    world.eventually(lambda: world.is_drained(first))
    world.stop(first)
    [file] = world.folder.glob("*.json")
    file.write_text(text)
    world.run()
    world.eventually(lambda: world.delivered() == ["0", "0"])


def test_a_full_disk_stops_nothing_and_is_told(world: World) -> None:
    """Ours: what could not be written is written later; until then a crash would repeat records, not lose them."""
    full = OSError(28, "No space left on device")
    with patch.object(checkpoints, "write_json", side_effect=full):
        world.kinesis.put(LAPTOP, "0")
        world.kinesis.split(SHARD)
        first = world.run()
        world.eventually(lambda: world.delivered() == ["0"])
        world.eventually(lambda: "No space left" in status.of_pipe(first)["error"])
        world.eventually(lambda: not first.readers[SHARD].lanes[0].is_alive())
        world.looks_again()
        assert list(first.readers) == [SHARD]  # the children wait until the disk knows that their parent is drained
    world.eventually(lambda: len(first.readers) == 3 and first.error == "")
    world.stop(first)
    second = world.run()
    world.eventually(lambda: second.checkpoints.is_drained(SHARD) and len(second.readers) == 2)
    assert world.delivered() == ["0"]
