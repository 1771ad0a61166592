"""The benchmark's judge on the cloud that runs: re-sends, and a worker killed in the middle of its batch."""

import pytest

from benchmarks import measure, stories
from benchmarks.setup import set_up
from pipeline.provisioning import deployment, stack


@pytest.fixture
def testbed(joined, tmp_path):
    testbed = set_up(joined, batch_size=1000, shards=1, scratch=tmp_path)
    yield testbed
    testbed.stop_pipe()
    name = testbed.deployment.stack_name
    stack.delete(joined, f"{name}-peers")
    deployment.down(joined, name)


def test_the_projector_keeps_the_table_right_and_a_write_for_each_event_does_not(testbed, tmp_path):
    in_stock, story = stories.changes(600, 100, 0, 7)
    resent = stories.with_re_sends(story, 7)
    verdict = {
        name: measure.verdict(testbed, name, resent, in_stock, tmp_path / name) for name in ("projector", "plain")
    }
    assert verdict["projector"]["is_right"]
    assert verdict["plain"]["wrong_products"] > 10
