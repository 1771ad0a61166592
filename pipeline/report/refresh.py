"""Run the notebooks in place, with their own defaults: `python -m pipeline.report.refresh [NAME…]`.

The one way in which committed outputs, and the cells of parameters, are made. What changes from run to run without
meaning anything is stripped, here and when JupyterLab saves, so that a diff of a notebook shows a change of what it
says, and so that the notebooks can be run again and compared.
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
from pipeline.provisioning import deployment
from pipeline.report import run

CHECKED = "check-parameters"  # the tag of the cell that checks them
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}
VOLATILE = ("papermill", "execution", "ExecuteTime", "collapsed", "scrolled", "trusted")


def refresh(folder: Path = run.NOTEBOOKS, names: Sequence[str] = ()) -> list[Path]:
    """Write the parameters into notebooks, execute them, and put back their outputs: all of them, or none if one fails.

    Args:
        folder: where the notebooks are.
        names: the notebooks to run, such as `04_query_stock`; by default all.

    Returns:
        The notebooks that were written.
    """
    notebooks_there = run.find_notebooks(folder)
    if unknown := sorted(set(names) - {path.stem for path in notebooks_there}):
        raise UserError(f"there is no notebook {unknown[0]} in {folder}")
    notebooks = [path for path in notebooks_there if not names or path.stem in names]
    if any(path.stem == run.TEARDOWN for path in notebooks):
        given = parameters.read({})
        deployment.must_not_be_there(given.cloud, given.stack_name)
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
    try:
        notebook = nbformat.read(path, as_version=4)
    except (ValueError, nbformat.ValidationError):
        raise UserError(f"{path} is no notebook: it is not the JSON of one. Nothing was changed") from None
    for number, cell in enumerate(notebook.cells, start=1):
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = parameters.cell()
            if not any(CHECKED in after.metadata.get("tags", []) for after in notebook.cells[number : number + 1]):
                tags = {"tags": [CHECKED, "hide-input"]}
                notebook.cells.insert(number, new_code_cell(metadata=tags, id=f"{cell.id}-check"))
            notebook.cells[number].source = parameters.CHECK
            break
    nbformat.write(notebook, path)


def stripped(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Take out what another run, another machine or another program would write differently."""
    notebook.metadata = nbformat.from_dict(KERNEL)
    for cell in notebook.cells:
        for name in VOLATILE + (() if cell.metadata.get("tags") else ("tags",)):
            cell.metadata.pop(name, None)
        for output in cell.get("outputs", ()):
            output.pop("transient", None)
            for mime in [mime for mime in output.get("data", {}) if "widget" in mime]:
                del output.data[mime]
    return notebook


def before_saving(model: dict[str, Any], path: str, contents_manager: Any, **_: Any) -> None:
    """Strip what JupyterLab is about to save, if it is one of our notebooks. Jupyter's servers call this."""
    folder = Path(contents_manager.root_dir, path).resolve().parent
    if model["type"] == "notebook" and model.get("content") and folder == run.NOTEBOOKS.resolve():
        model["content"] = stripped(nbformat.from_dict(model["content"]))


def main() -> int:
    """Refresh the notebooks named on the command line, or all."""
    try:
        print(*refresh(names=sys.argv[1:]), sep="\n")
    except UserError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; no output was changed", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
