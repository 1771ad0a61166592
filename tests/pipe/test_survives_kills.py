"""One short round of the kill test; the long one is `python -m tests.pipe.kill_test --times 20`."""

from tests.pipe.kill_test import play


def test_whatever_is_killed_everything_drains_and_the_audit_finds_nothing() -> None:
    """Issue 4: checkpoints that survive."""
    this = play(seed=7, events=2_000)
    assert sum(this.kills.values()) > 0
    assert this.found == []
