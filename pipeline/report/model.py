"""What a report is made of: one tree of plain nodes, which the HTML and the PDF template both walk.

A node is a dict with a `type`. Text is never markup: it is escaped once, where it is written. So nothing that an
event carries can become a tag, a Typst command or an invisible character.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Node = dict[str, Any]


@dataclass(frozen=True)
class NotebookRun:
    """What became of one notebook: `error` is empty when all of its cells ran."""

    name: str
    seconds: float
    error: str = ""
    skipped: bool = False

    @property
    def ok(self) -> bool:
        """Say whether it ran to its end."""
        return not self.error and not self.skipped


@dataclass
class Chapter:
    """One notebook in the report."""

    name: str
    id: str
    title: str
    run: NotebookRun
    blocks: list[Node] = field(default_factory=list)
    sections: list[Node] = field(default_factory=list)  # its level-2 headings, for the contents
    anchors: dict[str, str] = field(default_factory=dict)  # a heading's anchor in Jupyter → its id here

    @property
    def label(self) -> str:
        """Name it as a reader sees it in the file list: `03` of `03_send_events`."""
        prefix = self.name.split("_")[0]
        return prefix if prefix.isdigit() else ""


@dataclass(frozen=True)
class Check:
    """A claim that this run checked, and where it stands in the report."""

    requirement: str
    claim: str
    passed: bool
    figure: str
    id: str
    place: str


@dataclass
class Document:
    """Everything that both renderings show."""

    title: str
    subtitle: str
    facts: Node
    chapters: list[Chapter]
    checks: list[Check]
    deliverables: list[Node]
    failures: list[str]


def text(value: str) -> Node:
    """Make a text node."""
    return {"type": "text", "text": value}


def code_block(source: str, language: str = "text") -> Node:
    """Make a block of code."""
    return {"type": "code", "source": source.rstrip("\n"), "language": language}


def walk(nodes: Iterable[Node]) -> Iterator[Node]:
    """Visit every node of a tree, in reading order."""
    for node in nodes:
        yield node
        yield from walk(node.get("children", ()))
        for row in (*node.get("head", ()), *node.get("body", ())):
            yield from walk(cell for cell in row)
        for item in node.get("items", ()):
            yield from walk(item)


def plain(nodes: Iterable[Node]) -> str:
    """Read the text of inline nodes."""
    return "".join(node.get("text", " " if node["type"] == "break" else "") for node in walk(nodes))


@dataclass(frozen=True)
class ReportResult:
    """What `make_report` hands back. `failures` is empty when all notebooks ran and every check passed."""

    html: Path
    pdf: Path
    notebooks: list[dict[str, Any]]
    failures: list[str]

    @property
    def ok(self) -> bool:
        """Say whether the report may be shown as proof."""
        return not self.failures
