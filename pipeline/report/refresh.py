"""Run the notebooks in place, with their own defaults: `python -m pipeline.report.refresh [NAME…]`.

The one way in which committed outputs are made. What changes from run to run without meaning anything is stripped, so
that a diff of a notebook shows a change of what it says, and so that the notebooks can be run again and compared.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat

from pipeline.report import NOTEBOOKS, run
from pipeline.report.model import ReportError

KEPT_OF_LANGUAGE = ("name", "file_extension", "mimetype", "pygments_lexer", "nbconvert_exporter")
VOLATILE = ("papermill", "execution", "ExecuteTime", "collapsed", "scrolled", "trusted")


def refresh(folder: Path = NOTEBOOKS, names: Sequence[str] = ()) -> list[Path]:
    """Execute notebooks and put them back with fresh outputs: all of them, or none if one fails.

    Args:
        folder: where the notebooks are.
        names: the notebooks to run, such as `04_query_stock`; by default all.

    Returns:
        The notebooks that were written.
    """
    found = run.find_notebooks(folder)
    if unknown := sorted(set(names) - {path.stem for path in found}):
        raise ReportError(f"there is no notebook {unknown[0]} in {folder}")
    notebooks = [path for path in found if not names or path.stem in names]
    with tempfile.TemporaryDirectory() as executed:
        runs = run.execute_all(notebooks, {}, Path(executed))
        if failed := next((each for each in runs if each.error), None):
            raise ReportError(f"{failed.name} failed, so no notebook was changed: {failed.error}")
        fresh = {path: stripped(nbformat.read(Path(executed) / path.name, as_version=4)) for path in notebooks}
    for path, notebook in fresh.items():
        nbformat.write(notebook, path)
    return notebooks


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
    except ReportError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; no notebook was changed", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
