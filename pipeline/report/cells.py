"""Preprocessors for the cells of notebooks: what is left out, what text may contain, which code belongs together."""

import ast
import json
from contextlib import suppress
from typing import Any

from nbconvert.preprocessors import CoalesceStreamsPreprocessor, Preprocessor, TagRemovePreprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_output, new_raw_cell
from traitlets import Set, Unicode

from pipeline.errors import UserError
from pipeline.notebook import svg, tables
from pipeline.notebook.show import CHECK, FIGURE, LISTING, TABLE
from pipeline.report import markdown
from pipeline.safe_text import shorten, terminal, visible

TOKENS = "application/vnd.inventory.tokens+json"
SHOWN = (CHECK, FIGURE, LISTING, TOKENS, "text/plain")  # the forms of an output that our templates know, the best first
SHOWS = {"check", "check_parameters", "code", "figure"}  # on paper, what these show says it all
Processed = tuple[NotebookNode, dict[str, Any]]


def has_failed(cell: NotebookNode) -> bool:
    """Say whether a cell ended with an error; then all of it is shown."""
    return any(output.output_type == "error" for output in cell.get("outputs", ()))


def tags(cell: NotebookNode) -> set[str]:
    """Return a cell's tags."""
    return set(cell.metadata.get("tags", ()))


class HideByTag(TagRemovePreprocessor):
    """Leaves out what tags say, and parameters that papermill replaced; never what failed."""

    remove_cell_tags = Set(Unicode(), {"remove-cell", "papermill-error-cell-tag"}).tag(config=True)
    remove_input_tags = Set(Unicode(), {"hide-input", "remove-input"}).tag(config=True)
    remove_all_outputs_tags = Set(Unicode(), {"remove-output"}).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Processed:
        """Leave cells out, and raw cells but for those that begin a chapter."""
        nb.cells = [
            cell
            for cell, after in zip(nb.cells, [*nb.cells[1:], new_raw_cell()], strict=True)
            if "injected-parameters" not in tags(after) and (cell.cell_type != "raw" or "chapter" in cell.metadata)
        ]
        return super().preprocess(nb, resources)

    def preprocess_cell(self, cell: NotebookNode, resources: dict[str, Any], index: int) -> Processed:
        """Leave out parts of a cell."""
        return (cell, resources) if has_failed(cell) else super().preprocess_cell(cell, resources, index)


class VisibleText(CoalesceStreamsPreprocessor):
    """Shows characters that hide, and brings everything into the forms that our templates know."""

    def preprocess_cell(self, cell: NotebookNode, resources: dict[str, Any], index: int) -> Processed:
        """Read one cell."""
        cell.metadata["tokens"] = markdown.parse(cell.source) if cell.cell_type == "markdown" else []
        if cell.cell_type == "code":
            cell, resources = super().preprocess_cell(cell, resources, index)
            cell.source = visible(cell.source).strip().removeprefix("# Parameters\n")
            cell.outputs = list(filter(None, map(_readable, cell.outputs)))
        return cell, resources


def _readable(output: NotebookNode) -> NotebookNode | None:
    if output.output_type == "stream":
        output.text = shorten(terminal(output.text))
        return output if output.text.strip() else None
    if output.output_type == "error":
        trace = shorten(terminal("\n".join(output.traceback)), 30)
        output |= {"ename": visible(output.ename), "evalue": terminal(output.evalue), "traceback": [trace]}
        return output
    data = _as_shown(_visible(output.data))
    return new_output("display_data", data) if any(form in data for form in SHOWN) else None


def _visible(value: Any) -> Any:
    match value:
        case str():
            return visible(value)
        case dict():
            return {name: _visible(item) for name, item in value.items()}
        case list():
            return [_visible(item) for item in value]
    return value


def _as_shown(data: dict[str, Any]) -> dict[str, Any]:
    """Add the form that our templates know, made of the richest one that is there."""
    if picture := _picture(data):
        alt = data.get("text/plain", "").partition("<")[0] or "Drawing"
        return picture | {FIGURE: data.get(FIGURE, {"alt": alt, "caption": ""})}
    if CHECK in data or LISTING in data:
        return data
    if tokens := tables.parse(data.get("text/html", "")):
        tokens[0]["attrs"] = {"caption": data.get(TABLE, {}).get("caption", "")}
    elif "text/markdown" in data:
        tokens = markdown.parse(data["text/markdown"])
    elif "application/json" in data:
        pretty = json.dumps(data["application/json"], indent=2, ensure_ascii=False, sort_keys=True)
        tokens = [{"type": "block_code", "raw": shorten(pretty), "attrs": {"info": "json"}}]
    return {TOKENS: tokens} if tokens else {"text/plain": shorten(data.get("text/plain", ""))}


def _picture(data: dict[str, Any]) -> dict[str, Any]:
    with suppress(UserError, KeyError):  # a drawing that would run or load something is not shown
        return {"image/svg+xml": svg.clean(data["image/svg+xml"])}
    return {name: data[name] for name in ("image/png",) if name in data}


class JoinCode(Preprocessor):
    """Joins a cell's code to the code before it, if that showed nothing; says which code paper can do without."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Processed:
        """Give each cell its code `on_paper`, and leave out cells of which nothing is left."""
        cells: list[NotebookNode] = []
        for cell in nb.cells:
            if cell.cell_type == "code":
                if "transient" in cell.metadata:  # set by HideByTag: its code is not shown
                    cell.source = ""
                cell.metadata["failed"] = has_failed(cell)
                cell.metadata["on_paper"] = "" if _is_aside(cell) else cell.source
                if not cell.source and not cell.outputs:
                    continue
                before = cells[-1] if cells else cell
                if cell.source and before.cell_type == "code" and not before.outputs:
                    cell.source = f"{before.source}\n\n{cell.source}"
                    cell.metadata.on_paper = f"{before.metadata.on_paper}\n\n{cell.metadata.on_paper}".strip()
                    cells.pop()
            cells.append(cell)
        nb.cells = cells
        return nb, resources


def _is_aside(cell: NotebookNode) -> bool:
    """Say whether a cell only sets parameters, imports, or shows what is shown anyway."""
    if has_failed(cell):
        return False
    try:
        statements = ast.parse(cell.source).body
    except SyntaxError:
        return False
    is_parameters = bool(tags(cell) & {"parameters", "injected-parameters"})
    return is_parameters or all(map(_imports_or_shows, statements))


def _imports_or_shows(statement: ast.stmt) -> bool:
    match statement:
        case ast.Import() | ast.ImportFrom():
            return True
        case ast.Expr(value=ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name))):
            return name in SHOWS
    return False
