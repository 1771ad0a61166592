"""What `status` says of its own figures."""

from pipeline.reading import status

FACTS = {
    "cloud": "local", "endpoint_url": "http://127.0.0.1:1", "stack_name": "inventory", "figures_age_seconds": None,
    "pipe": {"name": "pipe", "state": "RUNNING", "error": ""}, "shards": [],
    "projector": {"name": "projector", "last_error": ""}, "quarantined": 0, "dead_letters": 0,
}  # fmt: skip


def figures(age):
    return [line for line in status.lines(FACTS | {"figures_age_seconds": age}) if line.startswith("figures")]


def test_figures_are_shown_with_their_age_and_old_ones_with_a_warning():
    assert figures(0.4) == ["figures      0.4 s old"]
    [old] = figures(340.0)
    assert old.startswith("figures      340.0 s old: the pipe runtime writes no new ones (is the disk full?)")


def test_where_nobody_says_there_is_no_age():
    assert figures(None) == []
