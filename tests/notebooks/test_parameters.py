"""The notebooks' parameters: one model, the same cell everywhere, and one line for what cannot be meant."""

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import papermill
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from pipeline.errors import UserError, WrongUsageError
from pipeline.notebook import parameters
from pipeline.notebook.parameters import Parameters, check_parameters, read
from pipeline.paths import ROOT
from pipeline.report.refresh import write_parameters
from pipeline.safe_text import terminal
from pipeline.stories.scenarios import SCENARIOS

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WRONG = {  # a name and a value that cannot be meant, and what is said
    ("seed", "abc"): "parameter seed should be a whole number, not 'abc'",
    ("seed", 1.5): "parameter seed should be a whole number, not",
    ("seed", True): "parameter seed should be a whole number, not",
    (
        "scenario",
        "rough_day",
    ): "parameter scenario should be one of everyday, flash-sale, rough-day, "
    "stock-taking, unreliable-producer, poison, not 'rough_day'",
    ("event_count", "lots"): "parameter event_count should be a whole number, 1 or more, not 'lots'",
    ("event_count", 0): "parameter event_count should be a whole number, 1 or more, not",
    ("product_count", 0): "parameter product_count should be a whole number, 1 or more, not",
    ("batch_size", 0): "parameter batch_size should be a whole number from 1 to 10,000, not",
    ("shard_count", 501): "parameter shard_count should be a whole number from 1 to 500, not",
    ("skew", 11): "parameter skew should be a number from 0 to 10, not",
    ("skew", float("nan")): "parameter skew should be a number from 0 to 10, not",
    ("rate", -1): "parameter rate should be a number, 0 or more, not",
    ("rate", float("inf")): "parameter rate should be a number, 0 or more, not",
    ("cloud", "azure"): "parameter cloud should be one of local, aws, not 'azure'",
    ("stack_name", "9 lives"): "parameter stack_name should be letters, digits and hyphens, a letter first, 40 at most",
    (
        "sead",
        8,
    ): "there is no parameter 'sead'; there are cloud, stack_name, scenario, event_count, product_count, skew",
}
every_wrong = pytest.mark.parametrize(("wrong", "said"), WRONG.items(), ids=lambda given: f"{given}"[:24])


@every_wrong
def test_a_command_line_is_told_what_is_allowed(wrong, said):
    with pytest.raises(WrongUsageError) as refused:
        read(dict([wrong]))
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


@every_wrong
def test_a_notebook_is_told_what_is_allowed(wrong, said):
    name, value = wrong
    injected = f"# Parameters\n{name} = {value!r}\n"
    names = {"In": ["", parameters.cell(), injected], "frame": "what else a notebook has", name: value}
    with pytest.raises(WrongUsageError) as refused:
        check_parameters(Parameters().model_dump() | names)
    assert str(refused.value).startswith(said)


def test_text_is_read_on_a_command_line_and_refused_in_a_notebook():
    assert read({"seed": "8", "rate": "1e3", "skew": 1}) == Parameters(seed=8, rate=1000, skew=1)
    with pytest.raises(UserError, match="seed should be a whole number, not '8'"):
        check_parameters({"seed": "8"})


def test_what_a_notebook_may_mean_is_taken():
    check_parameters(Parameters(rate=0, skew=1).model_dump() | {"In": ["", "sead = 8", "# Parameters\nrate = 0\n"]})


def test_the_scenarios_are_those_that_there_are():
    for name in SCENARIOS:
        assert read({"scenario": name}).scenario == name
        assert name in parameters.cell()


def test_every_notebook_has_the_cells_that_the_model_gives(tmp_path):
    stale = []
    for path in NOTEBOOKS:
        copy = tmp_path / path.name
        copy.write_bytes(path.read_bytes())
        write_parameters(copy)
        stale += [] if copy.read_bytes() == path.read_bytes() else [path.name]
        assert sum("parameters" in cell.metadata.get("tags", []) for cell in nbformat.read(path, 4).cells) == 1
    assert stale == [], "make notebooks writes them"


def test_a_stale_cell_is_seen_and_mended(tmp_path):
    path = tmp_path / "01_a.ipynb"
    cells = [new_code_cell("seed: int = 1", metadata={"tags": ["parameters"]}, id="a"), new_code_cell("seed", id="b")]
    nbformat.write(new_notebook(cells=cells), path)
    write_parameters(path)
    sources = [cell.source for cell in nbformat.read(path, 4).cells]
    assert sources == [parameters.cell(), parameters.CHECK, "seed"]


def test_papermill_shows_every_name_type_default_and_meaning():
    shown = papermill.inspect_notebook(str(NOTEBOOKS[3]))
    kinds = {"cloud": "str", "stack_name": "str", "scenario": "str", "skew": "float", "rate": "float"}
    assert {name: (told["inferred_type_name"], told["default"], told["help"]) for name, told in shown.items()} == {
        name: (kinds.get(name, "int"), json.dumps(field.default), field.description)
        for name, field in Parameters.model_fields.items()
    }


def test_papermill_and_jupyter_show_one_line_before_anything_is_done(tmp_path):
    """A kernel, as papermill starts it: the notebook stops in the checking cell, and says one line."""
    source, out = tmp_path / "in.ipynb", tmp_path / "out.ipynb"
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [new_code_cell("", metadata={"tags": ["parameters"]}), new_code_cell("print('sent')")]
    nbformat.write(new_notebook(cells=cells, metadata=spec), source)
    write_parameters(source)
    command = [sys.executable, "-m", "papermill", str(source), str(out), "--no-progress-bar", "-p", "sead", "8"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode != 0
    [error] = [
        output
        for cell in nbformat.read(out, 4).cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    ]
    assert [terminal(line) for line in error.traceback] == [f"WrongUsageError: {error.evalue}"]
    assert re.match("there is no parameter 'sead'; there are cloud,", error.evalue)
    assert "sent" not in Path(out).read_text().replace("print('sent')", "")
