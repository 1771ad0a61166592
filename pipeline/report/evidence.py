"""Where a number is from: every value, table, figure and check leads to the cell that made it.

The report is one folder. Beside `report.html` lie the executed notebooks as pages, `notebooks/NAME.html`, in which each
cell has its id.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from nbformat import NotebookNode

from pipeline.notebook.show import CHECK, SENTENCE
from pipeline.notebook.tables import Token
from pipeline.report import markdown

NAME = re.compile(r"\{([\w.]+)\}")


class Value(NamedTuple):
    """A value as it is shown, and the page and the cell that it is from."""

    text: str
    url: str


def link_of(cell: NotebookNode) -> dict[str, str]:
    """Return address and name of the evidence for what a cell shows; nothing for a cell of no known notebook."""
    if not (origin := cell.metadata.get("origin")):
        return {}
    return {
        "url": f"notebooks/{origin['notebook']}.html#{origin['cell']}",
        "label": f"{origin['notebook'].partition('_')[0]}, cell {origin['number']}",
    }


def values_of(notebooks: Mapping[str, list[NotebookNode]]) -> dict[str, Value]:
    """Gather what all sentences of all notebooks say: `NOTEBOOK.name` and its value."""
    return {
        f"{name}.{key}": Value(text, link_of(cell)["url"])
        for name, cells in notebooks.items()
        for cell, said in _shown(cells, SENTENCE)
        for key, text in said["values"].items()
    }


def checks_of(notebooks: Mapping[str, list[NotebookNode]]) -> list[dict[str, Any]]:
    """Gather the checks of all notebooks, each with its evidence."""
    return [
        {
            "source": "",
            **check,
            "claim": markdown.curly(check["claim"]),
            "figure": markdown.curly(check["figure"]),
            "evidence": link_of(cell),
            "origin": dict(cell.metadata["origin"]),
        }
        for cells in notebooks.values()
        for cell, check in _shown(cells, CHECK)
    ]


def _shown(cells: list[NotebookNode], kind: str) -> Iterator[tuple[NotebookNode, dict[str, Any]]]:
    for cell in cells:
        for output in cell.get("outputs", ()):
            if kind in output.get("data", {}):
                yield cell, output.data[kind]


def with_values(tokens: list[Token], values: Mapping[str, Value], unknown: list[str]) -> list[Token]:
    """Put values in the place of their names in braces, each as a link to its evidence; note names that are unknown."""
    return [part for token in tokens for part in _parts(token, values, unknown)]


def _parts(token: Token, values: Mapping[str, Value], unknown: list[str]) -> Iterator[Token]:
    if token["type"] != "text":
        if "children" in token:
            token["children"] = with_values(token["children"], values, unknown)
        yield token
        return
    words = NAME.split(token["raw"])
    for index, word in enumerate(words):
        if index % 2 == 0:
            if word:
                yield {"type": "text", "raw": word}
        elif value := values.get(word):
            text: Token = {"type": "text", "raw": value.text}
            yield {"type": "evidence", "attrs": {"url": value.url}, "children": [text]} if value.url else text
        else:
            unknown.append(word)
            yield {"type": "text", "raw": f"{{{word}}}"}
