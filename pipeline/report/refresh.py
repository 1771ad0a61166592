"""Run the notebooks in place, with their own defaults: `python -m pipeline.report.refresh [NAME…]`.

The one way in which committed outputs, and the cells of parameters, are made. What changes from run to run without
meaning anything is stripped, so that a diff of a notebook shows a change of what it says, and so that the notebooks can
be run again and compared.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell

from pipeline.errors import UserError
from pipeline.notebook import parameters
from pipeline.report import NOTEBOOKS, run

KEPT_OF_LANGUAGE = ("name", "file_extension", "mimetype", "pygments_lexer", "nbconvert_exporter")
CHECKED = "check-parameters"  # the tag of the cell that checks them
VOLATILE = ("papermill", "execution", "ExecuteTime", "collapsed", "scrolled", "trusted")


def refresh(folder: Path = NOTEBOOKS, names: Sequence[str] = ()) -> list[Path]:
    """Write the parameters into notebooks, execute them, and put back their outputs: all of them, or none if one fails.

    Args:
        folder: where the notebooks are.
        names: the notebooks to run, such as `04_query_stock`; by default all.

    Returns:
        The notebooks that were written.
    """
    found = run.find_notebooks(folder)
    if unknown := sorted(set(names) - {path.stem for path in found}):
        raise UserError(f"there is no notebook {unknown[0]} in {folder}")
    notebooks = [path for path in found if not names or path.stem in names]
    for path in notebooks:
        write_parameters(path)
    with tempfile.TemporaryDirectory() as executed:
        runs = run.execute_all(notebooks, {}, Path(executed))
        if failed := next((each for each in runs if each.error), None):
            raise UserError(f"{failed.name} failed, so no output was changed: {failed.error}")
        fresh = {path: stripped(nbformat.read(Path(executed) / path.name, as_version=4)) for path in notebooks}
    for path, notebook in fresh.items():
        nbformat.write(notebook, path)
    return notebooks


def write_parameters(path: Path) -> None:
    """Write the cell of parameters, and the one after it that checks them, for all notebooks from one place."""
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if CHECKED not in cell.metadata.get("tags", [])]
    for number, cell in enumerate(cells, start=1):
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = parameters.cell()
            tags = {"tags": [CHECKED, "hide-input"]}
            cells.insert(number, new_code_cell(parameters.CHECK, metadata=tags, id=f"{cell.id}-check"))
            break
    notebook.cells = cells
    nbformat.write(notebook, path)


def stripped(notebook: Any) -> Any:
    """Take out what another run or another machine would write differently."""
    language = notebook.metadata.get("language_info", {})
    kept = {name: language[name] for name in KEPT_OF_LANGUAGE if name in language}
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": kept or {"name": "python"},
        }
    )
    for cell in notebook.cells:
        for name in VOLATILE:
            cell.metadata.pop(name, None)
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]
        for output in cell.get("outputs", ()):
            output.pop("transient", None)
            _without_widgets(output)
    return notebook


def _without_widgets(output: Any) -> None:
    data = output.get("data", {})
    for mime in [mime for mime in data if "widget" in mime]:
        del data[mime]


def main() -> int:
    """Refresh the notebooks named on the command line, or all."""
    try:
        for path in refresh(names=sys.argv[1:]):
            print(path)
    except UserError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; no output was changed", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
