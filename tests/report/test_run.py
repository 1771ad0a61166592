"""The notebooks run in order, with checked parameters; what fails is said, and the report is written all the same."""

import json
from pathlib import Path

import nbformat
import papermill
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from pipeline.errors import UserError, WrongUsageError
from pipeline.notebook.parameters import Parameters
from pipeline.report import ReportResult, make_report
from pipeline.report.refresh import refresh, stripped, write_parameters
from pipeline.report.run import execute_all

PARAMETERS = 'cloud: str = "local"\nseed: int = 7\nrate: float = 0.0'


def write(folder: Path, name: str, *cells: str, parameters: str = PARAMETERS) -> Path:
    """Write a notebook: cells that start with `#` and a space are Markdown."""
    made = [new_markdown_cell(cell) if cell.startswith("# ") else new_code_cell(cell) for cell in cells]
    made.insert(1, new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    folder.mkdir(exist_ok=True)
    for number, cell in enumerate(made):
        cell["id"] = f"cell-{number}"
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=made, metadata=spec), folder / f"{name}.ipynb")
    return folder / f"{name}.ipynb"


def requirements(folder: Path, *names: str) -> Path:
    path = folder / "deliverables.yaml"
    rows = [{"id": name, "asked": f"{name}, as asked"} for name in names]
    path.write_text(json.dumps([{"group": "All", "requirements": rows}]))
    return path


def report(tmp_path: Path, given: dict | None = None, asked: tuple[str, ...] = ()) -> ReportResult:
    return make_report(
        given or {},
        tmp_path / "notebooks",
        tmp_path / "build",
        requirements=requirements(tmp_path, *asked),
    )


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ReportResult]:
    """A run whose first notebook fails."""
    place = tmp_path_factory.mktemp("broken")
    notebooks = place / "notebooks"
    check = "from pipeline.notebook import check\n"
    write(
        notebooks,
        "01_fails",
        "# First",
        check + 'check("stock", "stock is right", seed == 1, "12 of 13")',
        'raise ValueError("no <b>stock</b> & #set")',
    )
    write(notebooks, "02_later", "# Second", "raise SystemExit('this must not run')")
    write(
        notebooks,
        "99_teardown",
        "# Last",
        check + 'check("tidy", f"nothing is left of seed {seed}", True, "0 resources")',
    )
    return place, report(place, {"seed": "8"}, ("stock", "tidy", "never"))


def test_a_failed_notebook_is_named_and_both_files_are_written(broken):
    _, result = broken

    assert result.failures[0] == "01_fails failed: ValueError: no <b>stock</b> & #set"
    assert (result.html.name, result.pdf.name) == ("report-failed.html", "report-failed.pdf")
    assert result.html.stat().st_size > 10_000
    assert result.pdf.read_bytes().startswith(b"%PDF-")


def test_the_cell_that_failed_is_in_view(broken):
    page = broken[1].html.read_text()

    assert '<details class="code" open>' in page
    assert "no &lt;b&gt;stock&lt;/b&gt; &amp; #set" in page
    assert 'href="#error-1"' in page
    assert 'id="error-1"' in page


def test_after_a_failure_only_the_teardown_runs(broken):
    place, result = broken

    assert "02_later was not run" in result.failures
    assert [each["name"] for each in result.notebooks] == ["01_fails", "02_later", "99_teardown"]
    assert "nothing is left of seed 8" in (place / "build" / "notebooks" / "99_teardown.ipynb").read_text()


def test_failed_and_missing_checks_fail_the_report_in_red(broken):
    _, result = broken
    page = result.html.read_text()

    assert "check failed: stock is right (stock)" in result.failures
    assert "no check for never: never, as asked" in result.failures
    assert page.count('<tr class="failed">') == 2
    assert '✗ Failed</strong> <a class="quiet" href="notebooks/01_fails.html#cell-2">stock is right</a>' in page
    assert "✗ No check</strong>" in page


def test_committed_notebooks_are_not_touched_by_a_report(broken):
    source = nbformat.read(broken[0] / "notebooks" / "01_fails.ipynb", as_version=4)

    assert not any(cell.get("outputs") for cell in source.cells)


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the notebooks that papermill was asked to run; nothing is really run."""
    names: list[str] = []

    def execute(source: str, target: str, **_: object) -> None:
        names.append(Path(source).stem)
        Path(target).write_bytes(Path(source).read_bytes())

    monkeypatch.setattr(papermill, "execute_notebook", execute)
    return names


def test_a_wrong_parameter_is_refused_before_anything_runs(tmp_path, executed):
    write(tmp_path / "notebooks", "01_a", "# A")

    with pytest.raises(WrongUsageError, match="batch_size should be a whole number from 1 to 10,000, not '0'"):
        report(tmp_path, {"batch_size": 0})

    assert executed == []
    assert not (tmp_path / "build").exists()


def test_a_story_that_no_cell_has_time_to_send_is_refused_before_anything_runs(tmp_path: Path) -> None:
    write(tmp_path / "notebooks", "01_one", "# One")
    with pytest.raises(WrongUsageError, match=r"300,001 events at 500\.?0? a second .* raise the parameter rate"):
        report(tmp_path, {"event_count": 300_001, "rate": 500})
    assert not list((tmp_path / "build").glob("**/*.ipynb"))
    assert report(tmp_path, {"event_count": 300_001, "rate": 0}).failures == []


def test_what_the_report_says_of_its_parameters_has_their_types(tmp_path: Path) -> None:
    write(tmp_path / "notebooks", "01_one", "# One")
    made = report(tmp_path, {"event_count": "40000", "batch_size": 5000})
    assert json.loads((tmp_path / "build" / "run.json").read_text())["parameters"]["event_count"] == 40_000
    assert "40,000" in made.html.read_text() and "5,000" in made.html.read_text()


def test_every_notebook_gets_all_parameters_as_what_they_are(tmp_path, monkeypatch):
    passed = {}
    monkeypatch.setattr(
        papermill,
        "execute_notebook",
        lambda source, _, parameters, **__: passed.update({Path(source).stem: parameters}),
    )
    write(tmp_path / "notebooks", "01_a", "# A")
    write(tmp_path / "notebooks", "02_b", "# B")

    report(tmp_path, {"seed": "42", "shard_count": 4})

    assert passed == dict.fromkeys(["01_a", "02_b"], Parameters(seed=42, shard_count=4).model_dump())


def test_a_failed_report_leaves_the_last_good_one_alone_and_says_so(tmp_path, capsys):
    build = tmp_path / "build"
    write(tmp_path / "notebooks", "01_a", "# A", "assert seed == 7")
    good = report(tmp_path)
    kept = {path.name: path.read_bytes() for path in build.glob("report*")}

    bad = report(tmp_path, {"seed": 8})

    assert good.failures == [] and sorted(kept) == ["report.html", "report.pdf"]
    assert {name: (build / name).read_bytes() for name in kept} == kept
    assert bad.html == build / "report-failed.html" and bad.html.exists() and bad.pdf.exists()
    assert f"{good.html} is of an earlier run and was left alone; this run failed: report-failed.html" in (
        capsys.readouterr().err
    )
    assert report(tmp_path).html == good.html
    assert not bad.html.exists() and not bad.pdf.exists()


def test_an_interruption_tears_down_and_makes_no_report(tmp_path, monkeypatch):
    started = []

    def interrupted(source: str, *_: object, **__: object) -> None:
        started.append(Path(source).stem)
        if started[-1] == "02_b":
            raise KeyboardInterrupt

    monkeypatch.setattr(papermill, "execute_notebook", interrupted)
    for name in ("01_a", "02_b", "03_c", "99_teardown"):
        write(tmp_path / "notebooks", name, "# A")

    with pytest.raises(KeyboardInterrupt):
        report(tmp_path)

    assert started == ["01_a", "02_b", "99_teardown"]
    assert not (tmp_path / "build" / "report.html").exists()


@pytest.mark.parametrize("broken_file", ["requirements", "notebooks", "build"])
def test_bad_input_gets_one_clear_line(tmp_path, executed, broken_file):
    write(tmp_path / "notebooks", "01_a", "# A")
    places = {
        "notebooks_dir": tmp_path / "notebooks",
        "build_dir": tmp_path / "build",
        "requirements": requirements(tmp_path),
    }
    bad = tmp_path / "bad"
    bad.write_text("- [unclosed")
    name = broken_file if broken_file in places else f"{broken_file}_dir"
    places[name] = bad if broken_file != "notebooks" else tmp_path / "nothing"

    with pytest.raises(UserError if broken_file != "build" else OSError) as refused:
        make_report({}, **places)

    assert "\n" not in str(refused.value)
    assert executed == []


def test_leaving_early_is_a_failure(tmp_path, monkeypatch):
    def leaves(_: str, target: str, **__: object) -> None:
        error = nbformat.v4.new_output("error", ename="SystemExit", evalue="0", traceback=[])
        nbformat.write(new_notebook(cells=[new_code_cell("import sys; sys.exit(0)", outputs=[error])]), target)

    monkeypatch.setattr(papermill, "execute_notebook", leaves)
    write(tmp_path / "notebooks", "01_a", "# A")

    assert report(tmp_path).failures[0] == "01_a failed: SystemExit: 0"


def test_what_a_kernel_logs_of_its_own_end_is_not_printed(tmp_path, capfd):
    write(tmp_path / "notebooks", "01_a", "# A", "get_ipython().kernel.log.error('KeyboardInterrupt caught in kernel')")

    assert execute_all([tmp_path / "notebooks" / "01_a.ipynb"], {}, tmp_path)[0].ok
    assert "KeyboardInterrupt" not in "".join(capfd.readouterr())


def test_refresh_writes_the_same_bytes_twice(tmp_path):
    show = "from pipeline.notebook import check, figure\nfrom matplotlib import pyplot as plt\n"
    drawing = 'fig, ax = plt.subplots()\nax.plot([1, 2])\nfigure(fig, "It rises.", "A line.")'
    path = write(tmp_path, "01_a", "# A", show + drawing, 'check("a", "it ran", True, seed)')

    refresh(tmp_path)
    first = path.read_bytes()
    refresh(tmp_path, ["01_a"])

    assert path.read_bytes() == first
    assert b"papermill" not in first
    assert b"it ran (7)" in first


def test_a_file_that_is_no_notebook_is_named(tmp_path):
    (tmp_path / "01_a.ipynb").write_text('{"cells": [')
    with pytest.raises(UserError, match=r"01_a.ipynb is no notebook: .* Nothing was changed$"):
        refresh(tmp_path)


def test_a_failed_refresh_changes_nothing(tmp_path):
    path = write(tmp_path, "01_a", "# A", "assert seed == 0")
    write_parameters(path)
    before = path.read_bytes()

    with pytest.raises(UserError, match="01_a failed, so no output was changed: AssertionError"):
        refresh(tmp_path)

    assert path.read_bytes() == before


def test_what_changes_without_meaning_is_stripped():
    cell = new_code_cell("1", metadata={"papermill": {"duration": 1}, "execution": {}, "tags": []})
    language = {"name": "python", "version": "3.11.7", "codemirror_mode": {"version": 3}}
    notebook = new_notebook(cells=[cell], metadata={"language_info": language, "widgets": {}, "papermill": {}})

    clean = stripped(notebook)

    assert set(clean.metadata) == {"kernelspec", "language_info"}
    assert clean.metadata["kernelspec"]["display_name"] == "Python 3"
    assert not {"version", "codemirror_mode"} & set(clean.metadata["language_info"])
    assert clean.cells[0].metadata == {}
