"""Whoever follows the log reads each second what is new, not a quarter of an hour again."""

import time
from types import SimpleNamespace

from pipeline.reading import logs


def test_following_reads_on_from_where_it_was(monkeypatch):
    now, written, asked, shown = time.time(), [], [], []

    def lines_since(cloud, outputs, since):
        asked.append(now - since)
        return [line for line in written if line[0] >= since]

    def stop():
        """After each look another line is written; the last one late."""
        written.append((now - (25 if len(asked) == 3 else 10 - len(asked)), f"line {len(asked)}"))
        return len(asked) > 4

    written += [(now - 600, "old"), (now - 10, "line 0")]
    monkeypatch.setattr(logs, "projector", lines_since)
    monkeypatch.setattr(logs, "FOLLOW_SECONDS", 0)
    cloud = SimpleNamespace(pipe_log=lambda position: ([], position), poll_seconds=0)
    logs.show(cloud, {}, True, shown.append, stop)
    assert shown == [f"projector  {name}" for name in ("old", "line 0", "line 1", "line 2", "line 3", "line 4")]
    assert round(asked[0]) == logs.LOOK_BACK_SECONDS
    assert max(asked[1:]) < 60
