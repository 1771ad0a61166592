"""A new version in mid-stream."""

from pipeline.provisioning import deployment
from tests.cloud.rolling_deploy import roll


def test_another_build_is_deployed_and_rolled_back_while_events_flow(joined):
    try:
        assert roll(joined, "rolling", seed=3) == []
    finally:
        deployment.down(joined, "rolling")
