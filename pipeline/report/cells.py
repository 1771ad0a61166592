"""Preprocessors for the cells of notebooks: what is left out, what text may contain, which code belongs together."""

import ast
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from nbconvert.preprocessors import CoalesceStreamsPreprocessor, Preprocessor, TagRemovePreprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_output, new_raw_cell
from traitlets import Set, Unicode

from pipeline.errors import UserError
from pipeline.notebook import svg, tables
from pipeline.notebook.show import CHECK, FIGURE, LISTING, SENTENCE, TABLE, mark_of
from pipeline.report import evidence, markdown
from pipeline.safe_text import shorten, terminal, visible

TOKENS = "application/vnd.inventory.tokens+json"
SHOWN = (CHECK, FIGURE, LISTING, TOKENS, "text/plain")  # the forms of an output that our templates know, the best first
SHOWS = {"check", "check_parameters", "code", "figure", "sentence", "table"}  # what these show says it all
SHOW_CODE = "show-code"  # the tag of a cell whose code is read on paper, too
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
        tokens = markdown.parse(cell.source) if cell.cell_type == "markdown" else []
        if "origin" not in cell.metadata and "values" in resources:  # the report's own words, with values in them
            unknown: list[str] = []
            tokens = evidence.with_values(tokens, resources["values"], unknown)
            resources["problems"] += [f"the report names {{{name}}}, which no notebook says" for name in unknown]
        cell.metadata["tokens"] = tokens
        if cell.cell_type == "code":
            cell, resources = super().preprocess_cell(cell, resources, index)
            cell.source = visible(cell.source).strip().removeprefix("# Parameters\n")
            url = evidence.link_of(cell).get("url", "")
            cell.outputs = [shown for output in cell.outputs if (shown := _readable(output, url))]
        return cell, resources


def _readable(output: NotebookNode, url: str) -> NotebookNode | None:
    if output.output_type == "stream":
        output.text = shorten(terminal(output.text))
        return output if output.text.strip() else None
    if output.output_type == "error":
        trace = shorten(terminal("\n".join(output.traceback)), 30)
        output |= {"ename": visible(output.ename), "evalue": terminal(output.evalue), "traceback": [trace]}
        return output
    data = _as_shown(_visible(output.data), url)
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


def _as_shown(data: dict[str, Any], url: str) -> dict[str, Any]:
    """Add the form that our templates know, made of the richest one that is there; `url` is the evidence of values."""
    if picture := _picture(data):
        alt = data.get("text/plain", "").partition("<")[0] or "Drawing"
        return picture | {FIGURE: _curly(data.get(FIGURE, {"alt": alt, "caption": ""}))}
    if CHECK in data:
        source = data[CHECK].get("source", "")
        return {CHECK: _curly(data[CHECK]) | {"mark": mark_of(data[CHECK]["passed"], source)[0], "source": source}}
    if LISTING in data:
        return data | {LISTING: _curly(data[LISTING])}
    if SENTENCE in data:
        values = {name: evidence.Value(text, url) for name, text in data[SENTENCE]["values"].items()}
        return {TOKENS: evidence.with_values(markdown.parse(data[SENTENCE]["text"]), values, [])}
    if tokens := tables.parse(data.get("text/html", "")):
        tokens[0]["attrs"] = _curly({"caption": data.get(TABLE, {}).get("caption", "")})
        for token in markdown.walk(tokens):
            token |= {"raw": markdown.curly(token["raw"])} if "raw" in token else {}
    elif "text/markdown" in data:
        tokens = markdown.parse(data["text/markdown"])
    elif "application/json" in data:
        pretty = json.dumps(data["application/json"], indent=2, ensure_ascii=False, sort_keys=True)
        tokens = [{"type": "block_code", "raw": shorten(pretty), "attrs": {"info": "json"}}]
    return {TOKENS: tokens} if tokens else {"text/plain": shorten(data.get("text/plain", ""))}


def _curly(said: dict[str, Any]) -> dict[str, Any]:
    return {name: markdown.curly(it) if name in ("caption", "claim") else it for name, it in said.items()}


def _picture(data: dict[str, Any]) -> dict[str, Any]:
    with suppress(UserError, KeyError):  # a drawing that would run or load something is not shown
        return {"image/svg+xml": svg.clean(data["image/svg+xml"])}
    return {name: data[name] for name in ("image/png",) if name in data}


class CodeToShow(Preprocessor):
    """Says what code is shown: in a notebook on its own joined with the code before it, if that showed nothing.

    In the report a cell is shown without its plumbing: imports, and calls that only show what is shown anyway. On paper
    there is code only where a cell asks for it.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Processed:
        """Give each cell its code `on_paper`, and leave out cells of which nothing is left."""
        in_report, cells = bool(resources.get("facts")), list[NotebookNode]()
        for cell in nb.cells:
            if cell.cell_type == "code":
                if "transient" in cell.metadata:  # set by HideByTag: its code is not shown
                    cell.source = ""
                cell.metadata["failed"] = has_failed(cell)
                if in_report and not has_failed(cell):
                    cell.source = without_plumbing(cell.source)
                cell.metadata["on_paper"] = _on_paper(cell, in_report)
                cell.metadata["says_only"] = all(map(_is_sentence, cell.outputs))
                if not cell.source and not cell.outputs:
                    continue
                before = cells[-1] if cells else cell
                is_alone = in_report or "as_executed" in resources
                if cell.source and not is_alone and before.cell_type == "code" and not before.outputs:
                    cell.source = f"{before.source}\n\n{cell.source}"
                    cell.metadata.on_paper = f"{before.metadata.on_paper}\n\n{cell.metadata.on_paper}".strip()
                    cells.pop()
            cells.append(cell)
        nb.cells = cells
        return nb, resources


def _is_sentence(output: NotebookNode) -> bool:
    tokens = output.get("data", {}).get(TOKENS)
    return bool(tokens) and tokens[0]["type"] == "paragraph"


def _on_paper(cell: NotebookNode, in_report: bool) -> str:
    if in_report and not has_failed(cell):
        return str(cell.source) if SHOW_CODE in tags(cell) else ""
    is_parameters = bool(tags(cell) & {"parameters", "injected-parameters"})
    is_aside = not has_failed(cell) and (is_parameters or not without_plumbing(cell.source))
    return "" if is_aside else str(cell.source)


def without_plumbing(source: str) -> str:
    """Leave out the statements that import, assert, write a caption, or only show what is shown anyway."""
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        return source
    lines = source.splitlines()
    drop = {number for statement in statements if _is_plumbing(statement) for number in _lines_of(statement)}
    return "\n".join(line for number, line in enumerate(lines, start=1) if number not in drop).strip("\n")


def _lines_of(statement: ast.stmt) -> Iterator[int]:
    yield from range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)


def _is_plumbing(statement: ast.stmt) -> bool:
    match statement:
        case ast.Import() | ast.ImportFrom() | ast.Assert():
            return True
        case ast.Expr(value=ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name))):
            return name in SHOWS
        case ast.Assign(value=ast.Constant(value=str()) | ast.JoinedStr()):  # the words of a caption
            return True
    return False
