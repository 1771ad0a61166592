"""The committed drawings are those of today, or the check says so."""

import re
from pathlib import Path

from pipeline.drawings import flowchart


def test_the_committed_diagrams_show_what_the_template_and_the_code_say():
    assert list(flowchart.stale()) == [], "run python -m pipeline.drawings.flowchart"


def test_a_diagram_that_is_missing_or_changed_is_stale_until_it_is_written(tmp_path: Path):
    assert set(flowchart.write(tmp_path)) == {"pipeline.dot", "pipeline.svg", "decision.dot", "decision.svg"}
    assert flowchart.write(tmp_path) == []
    svg = tmp_path / "pipeline.svg"
    svg.write_text(svg.read_text("utf-8").replace("1,000 records", "2,000 records"), "utf-8")
    (tmp_path / "decision.dot").unlink()
    assert set(flowchart.stale(tmp_path)) == {"pipeline.svg", "decision.dot"}


def test_a_drawing_whose_coordinates_are_rounded_differently_is_not_stale(tmp_path: Path):
    flowchart.write(tmp_path)
    svg = tmp_path / "pipeline.svg"
    text = svg.read_text("utf-8")
    place = re.search(r'x="(\d+\.\d+)"', text)
    svg.write_text(text.replace(place[0], f'x="{float(place[1]) + 0.01:.2f}"'), "utf-8")
    assert list(flowchart.stale(tmp_path)) == []
    svg.write_text(text.replace(place[0], f'x="{float(place[1]) + 30:.2f}"'), "utf-8")
    assert list(flowchart.stale(tmp_path)) == ["pipeline.svg"]


def test_the_check_on_the_command_line_names_what_is_stale_and_fails(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(flowchart.stale, "__defaults__", (tmp_path,))
    assert flowchart.main(["--check"]) == 1
    assert "diagrams/pipeline.svg is stale" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
