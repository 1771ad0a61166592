"""A template to change."""

from pathlib import Path

import pytest

from pipeline.drawings.flowchart import TEMPLATE


@pytest.fixture
def changed(tmp_path: Path):
    """Return a function that writes a copy of the template with one text replaced by another."""

    def copy(old: str, new: str) -> Path:
        text = TEMPLATE.read_text("utf-8")
        assert text.count(old) == 1, f"{old!r} should be in the template once"
        path = tmp_path / "stack.yaml"
        path.write_text(text.replace(old, new), "utf-8")
        return path

    return copy
