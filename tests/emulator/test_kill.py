"""One short round of the kill test; the long one is `python -m tests.emulator.kill --times 20`."""

from tests.emulator.kill import play


def test_whatever_is_killed_everything_drains_and_the_audit_has_no_discrepancy() -> None:
    this = play(seed=7, events=2_000)
    assert sum(this.kills.values()) > 0
    assert this.problems == []
