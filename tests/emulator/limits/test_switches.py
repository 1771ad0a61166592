"""Every limit is in the documentation, with tests that exist, and is switched off by its name."""

import re
from pathlib import Path

import pytest

from pipeline import cloud
from pipeline.emulator import emulator, limits
from pipeline.errors import WrongUsageError
from pipeline.paths import ROOT

ROWS = re.findall(r"^\| (?:`([a-z-]+)`)? ?\|.*`(test_\w+)` \|$", (ROOT / "docs" / "limits.md").read_text("utf-8"), re.M)


def test_the_documentation_has_every_limit_and_names_tests_that_exist():
    assert [name for name, _ in ROWS if name] == list(limits.LIMITS)
    tests = "\n".join(file.read_text("utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    assert [test for _, test in ROWS if f"def {test}(" not in tests] == []


def test_a_limit_is_switched_off_by_name(monkeypatch):
    assert all(map(limits.is_on, limits.LIMITS))
    monkeypatch.setenv(limits.VARIABLE, "kinesis-reads, kinesis-sizes")
    assert [name for name in limits.LIMITS if not limits.is_on(name)] == ["kinesis-reads", "kinesis-sizes"]
    assert emulator.environment(1, Path("/nowhere"))[limits.VARIABLE] == "kinesis-reads,kinesis-sizes"


def test_a_name_that_is_no_limit_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("INVENTORY_STATE_DIR", str(tmp_path))
    monkeypatch.setenv(limits.VARIABLE, "kinesis-raeds")
    with pytest.raises(WrongUsageError, match="there is no limit 'kinesis-raeds'; the limits are kinesis-reads"):
        cloud.start()
    assert not list(tmp_path.rglob("*.log"))
