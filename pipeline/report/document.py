"""Executed notebooks → one document: chapters with unique ids, numbered figures, links that land."""

import ast
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat

from pipeline.report import markdown, outputs
from pipeline.report.links import Links, anchor, read_pictures
from pipeline.report.model import Chapter, Check, Node, NotebookRun, code_block, plain, walk
from pipeline.safe_text import visible

HIDDEN_CELL, HIDDEN_CODE = {"remove-cell", "papermill-error-cell-tag"}, {"hide-input", "remove-input"}
HIDDEN_OUTPUT = {"remove-output"}
PARAMETERS = {"parameters", "injected-parameters"}
NUMBERED = {"figure": "Figure", "table": "Table", "listing": "Listing"}


class Ids:
    """Ids that are unique in the whole document."""

    def __init__(self) -> None:
        self._used: Counter[str] = Counter()

    def new(self, wish: str) -> str:
        """Give the id wished for, or the next one free."""
        wish = re.sub(r"[^a-z0-9]+", "-", wish.lower()).strip("-") or "part"
        self._used[wish] += 1
        return wish if self._used[wish] == 1 else self.new(f"{wish}-{self._used[wish]}")


def chapters_of(runs: Iterable[NotebookRun], folder: Path, root: Path) -> tuple[list[Chapter], list[str]]:
    """Read the executed notebooks.

    Returns:
        The chapters, and what is wrong with their links.
    """
    ids = Ids()
    for taken in ("contents", "deliverables", "run", "top", "main", "failures"):
        ids.new(taken)
    chapters = [_chapter(run, folder / f"{run.name}.ipynb", ids) for run in runs]
    missing = read_pictures(chapters, root)
    _number(chapters, ids)
    return chapters, missing + Links(chapters, root).resolve()


def checks_of(chapters: Iterable[Chapter]) -> list[Check]:
    """Collect what the notebooks checked, with the heading each check stands under."""
    found = []
    for chapter in chapters:
        place = chapter.title
        for node in walk(chapter.blocks):
            if node["type"] == "heading" and node["level"] == 2:
                place = plain(node["children"])
            if node["type"] == "check":
                found.append(
                    Check(node["requirement"], node["claim"], node["passed"], node["figure"], node["id"], place)
                )
    return found


def _chapter(run: NotebookRun, path: Path, ids: Ids) -> Chapter:
    chapter = Chapter(run.name, ids.new(run.name), run.name, run)
    cells = nbformat.read(path, as_version=4).cells if path.is_file() else []
    if run.skipped:
        chapter.title = _title(cells) or run.name
        return chapter
    is_injected = any("injected-parameters" in _tags(cell) for cell in cells)
    for cell in cells:
        if not (_tags(cell) & HIDDEN_CELL or (is_injected and "parameters" in _tags(cell))):
            _append(chapter.blocks, _cell(cell))
    _headings(chapter, ids)
    return chapter


def _title(cells: Iterable[Any]) -> str:
    for cell in cells:
        for node in markdown.parse(cell.source) if cell.cell_type == "markdown" else []:
            if node["type"] == "heading":
                return plain(node["children"])
    return ""


def _tags(cell: Any) -> set[str]:
    return set(cell.metadata.get("tags", []))


def _cell(cell: Any) -> list[Node]:
    if cell.cell_type == "markdown":
        return markdown.parse(cell.source)
    if cell.cell_type != "code":
        return []
    source = visible(cell.source).strip().removeprefix("# Parameters\n")
    shown = outputs.nodes(cell.outputs)
    has_failed = any(node["type"] == "error" for node in shown)
    shown = [] if _tags(cell) & HIDDEN_OUTPUT and not has_failed else shown
    if not source or (_tags(cell) & HIDDEN_CODE and not has_failed):
        return shown
    is_aside = not has_failed and (bool(_tags(cell) & PARAMETERS) or only_shows(source))
    code = {
        **code_block(source, "python"),
        "type": "cell-code",
        "open": has_failed,
        "paper": "" if is_aside else source,
    }
    return [code, *shown]


def only_shows(source: str) -> bool:
    """Say whether a cell only imports, or shows a check, code or a figure: on paper its output says it all."""
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        return False
    return all(isinstance(each, ast.Import | ast.ImportFrom) or _calls_a_helper(each) for each in statements)


def _calls_a_helper(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name))):
            return name in {"check", "check_parameters", "code", "figure"}
    return False


def _append(blocks: list[Node], more: list[Node]) -> None:
    """Add a cell; its code joins the code before it, if that showed nothing."""
    if blocks and more and blocks[-1]["type"] == more[0]["type"] == "cell-code":
        before, code = blocks.pop(), more[0]
        for part in ("source", "paper"):
            code[part] = "\n\n".join(filter(None, [before[part], code[part]]))
    blocks.extend(more)


def _headings(chapter: Chapter, ids: Ids) -> None:
    """Take the first heading as the title; give the others ids, and levels without a gap."""
    blocks, level_before = [], 1
    for index, node in enumerate(chapter.blocks):
        if node["type"] != "heading":
            blocks.append(node)
            continue
        words = plain(node["children"])
        if chapter.title == chapter.name and not any(b["type"] == "heading" for b in chapter.blocks[:index]):
            chapter.title = words
            chapter.anchors[anchor(words)] = chapter.id
            continue
        node["level"] = level_before = min(max(2, node["level"]), level_before + 1)
        node["id"] = ids.new(f"{chapter.id} {words}")
        chapter.anchors.setdefault(anchor(words), node["id"])
        blocks.append(node)
    chapter.blocks = blocks
    chapter.sections = [node for node in blocks if node["type"] == "heading" and node["level"] == 2]


def _number(chapters: Iterable[Chapter], ids: Ids) -> None:
    """Number figures, tables that say something, and listings; give checks an id to link to."""
    counts: Counter[str] = Counter()
    for chapter in chapters:
        for node in walk(chapter.blocks):
            kind = node["type"]
            if kind in ("check", "error"):
                counts[kind] += 1
                node["id"] = ids.new(f"{kind} {counts[kind]}")
            elif kind in NUMBERED:
                node["label"], node["id"] = "", ""
                if kind != "table" or node["caption"]:
                    counts[kind] += 1
                    node["label"] = f"{NUMBERED[kind]} {counts[kind]}"
                    node["id"] = ids.new(node["label"])
