"""In the report a cell shows what it works out, not how that is put on the page."""

import pytest

from pipeline.report.cells import without_plumbing

KEPT = "result = pipeline.audit()"


@pytest.mark.parametrize("plumbing", [
    "import json", "from pipeline.notebook import table", "assert result", 'table(frame, "A caption.")',
    "figure(*figures.lag(seconds))", 'show.check("id", "It holds", True)', 'caption = "All of it."',
    'evidence = f"{count} records"', 'caption = (\n    "One line, "\n    "and another."\n)',
])  # fmt: skip
def test_plumbing_is_left_out(plumbing):
    assert without_plumbing(f"{plumbing}\n{KEPT}") == without_plumbing(f"{KEPT}\n{plumbing}") == KEPT
    assert without_plumbing(plumbing) == ""


@pytest.mark.parametrize("code", ['{"records": 3}', "name = product_id", 'key = {"id": "P1"}', "table", "if: broken"])
def test_what_is_worked_out_stays(code):
    assert without_plumbing(code) == code
