"""The report's own order: which sections of which notebooks make its chapters, as `report/chapters.yaml` says.

A section is a heading and what follows it, up to the next heading. A cell's tag says where it goes: `main` into a
chapter, `appendix` into an appendix, `notebook-only` nowhere. A tagged cell that no chapter takes fails the report.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_markdown_cell, new_raw_cell

from pipeline.errors import UserError
from pipeline.report.cells import has_failed, tags
from pipeline.report.links import anchor

MAIN, APPENDIX, NOTEBOOK_ONLY = TAGS = ("main", "appendix", "notebook-only")
HEADING = re.compile(r"#{1,6} (.*)")
Notebooks = Mapping[str, list[NotebookNode]]  # by name, their cells


class Place(NamedTuple):
    """A section of a notebook; of no heading: what stands before the first one below its title."""

    notebook: str
    heading: str


class Chosen(NamedTuple):
    """What a chapter takes: a section, or all that are left of a notebook; and the heading it gets there."""

    notebook: str
    heading: str | None
    shown_as: str | None


@dataclass(frozen=True)
class Chapter:
    """A chapter as planned. `lead` is Markdown; `holds` is what the report adds: contents, references or run."""

    title: str
    tag: str
    label: str
    lead: str
    holds: str
    chosen: tuple[Chosen, ...]


def load(path: Path) -> list[Chapter]:
    """Read the chapters and appendices, in order."""
    try:
        planned = yaml.safe_load(path.read_text("utf-8"))
        numbers, letters = count(1), iter("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        return [
            *(_chapter(chapter, MAIN, lambda: str(next(numbers))) for chapter in planned["chapters"]),
            *(_chapter(chapter, APPENDIX, lambda: next(letters)) for chapter in planned["appendices"]),
        ]
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as problem:
        raise UserError(f"{path} cannot be read: {' '.join(str(problem).split())}") from None


def _chapter(said: Mapping[str, Any], tag: str, label: Any) -> Chapter:
    is_numbered = said.get("numbered", True)
    sections = tuple(map(_chosen, said.get("sections", ())))
    return Chapter(
        said["title"], tag, label() if is_numbered else "", said.get("lead", ""), said.get("holds", ""), sections
    )


def _chosen(said: str | Mapping[str, str]) -> Chosen:
    shown_as = None if isinstance(said, str) else said["as"]
    notebook, has_heading, heading = (said if isinstance(said, str) else said["from"]).partition("#")
    return Chosen(notebook, heading if has_heading else None, shown_as)


def arrange(
    plan: Iterable[Chapter], notebooks: Mapping[str, list[NotebookNode]]
) -> tuple[list[NotebookNode], list[str]]:
    """Put the tagged cells of all notebooks into the chapters.

    Args:
        plan: the chapters.
        notebooks: by name, the cells of each, with their origin (see `with_origin`).

    Returns:
        The cells of the report, and one line for each tagged cell, or section, that has no place.
    """
    there = {tag: _sections(notebooks, tag) for tag in (MAIN, APPENDIX)}
    cells, problems = [], []
    for chapter in plan:
        cells.append(chapter_cell(chapter))
        cells += [new_markdown_cell(chapter.lead)] if chapter.lead else []
        for chosen in chapter.chosen:
            sections, places = there[chapter.tag], _places(chosen, there[chapter.tag])
            if not places:
                section = f"{chosen.notebook}#{chosen.heading}" if chosen.heading else chosen.notebook
                problems.append(
                    f"chapters.yaml puts {section} into {chapter.title!r}, but it has no cell tagged {chapter.tag}"
                )
            for place in places:
                cells += _headed(sections.pop(place), place, chosen.shown_as)
    problems += [
        f"{place.notebook} tags cells under {place.heading!r} as {tag}, but chapters.yaml takes them nowhere"
        for tag, sections in there.items()
        for place in sections
    ]
    return cells, problems


def chapter_cell(chapter: Chapter) -> NotebookNode:
    """Make the cell that begins a planned chapter."""
    about = {"title": chapter.title, "label": chapter.label, "part": chapter.tag, "holds": chapter.holds}
    return new_raw_cell(metadata={"chapter": {"name": chapter.title, **about}})


def with_origin(notebook: str, cells: Iterable[NotebookNode]) -> Iterator[NotebookNode]:
    """Note in every cell which one of which notebook it is."""
    for number, cell in enumerate(cells, start=1):
        cell.metadata["origin"] = {"notebook": notebook, "cell": cell.get("id", ""), "number": number}
        yield cell


def failed(notebooks: Notebooks) -> list[NotebookNode]:
    """Return the cells that ended with an error, whatever their tags."""
    return [cell for cells in notebooks.values() for cell in cells if has_failed(cell)]


def _sections(notebooks: Mapping[str, list[NotebookNode]], tag: str) -> dict[Place, list[NotebookNode]]:
    sections: dict[Place, list[NotebookNode]] = defaultdict(list)
    for name, cells in notebooks.items():
        for heading, cell in pieces(cells):
            if tag in tags(cell):
                sections[Place(name, heading)].append(cell)
    return sections


def pieces(cells: Iterable[NotebookNode]) -> Iterator[tuple[str, NotebookNode]]:
    """Cut Markdown cells at their headings: each piece, and each other cell, with the heading that it stands under."""
    heading = ""
    for cell in cells:
        if cell.cell_type != "markdown":
            yield heading, cell
            continue
        for source in _cut(cell.source):
            if match := HEADING.match(source):
                heading = match[1].strip()
            yield heading, from_dict({**cell, "source": source})


def _cut(source: str) -> Iterator[str]:
    lines: list[str] = []
    in_code = False
    for line in source.splitlines():
        in_code ^= line.startswith("```")
        if lines and not in_code and HEADING.match(line):
            yield "\n".join(lines).strip()
            lines = []
        lines.append(line)
    if "".join(lines).strip():
        yield "\n".join(lines).strip()


def _places(chosen: Chosen, sections: Mapping[Place, Any]) -> list[Place]:
    """Find a section by its heading, as links name it; or all of a notebook."""
    return [
        place
        for place in sections
        if place.notebook == chosen.notebook
        and (chosen.heading is None or anchor(place.heading) == anchor(chosen.heading))
    ]


def _headed(cells: list[NotebookNode], place: Place, shown_as: str | None) -> list[NotebookNode]:
    """Give a section the heading it is to have; its own one stands in its first cell, if that is in the report."""
    first = cells[0]
    own = HEADING.match(first.source) if first.cell_type == "markdown" else None
    if own and shown_as is None:
        return cells
    if own:
        first.source = first.source.partition("\n")[2].strip()
    heading = place.heading if shown_as is None else shown_as
    head = [new_markdown_cell(f"## {heading}", metadata={"origin": first.metadata["origin"]})] if heading else []
    section = [*head, *cells] if not own or first.source else [*head, *cells[1:]]
    section[0].metadata["was"] = place.heading  # what links call it
    return section
