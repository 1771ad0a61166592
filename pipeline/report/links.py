"""Links between notebooks become links within the report; what leads nowhere is said, not shown."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from pipeline.paths import ROOT

OUTSIDE = {"http", "https", "mailto"}
BESIDE = (  # what the report reads or rests on: these files lie beside it
    "docs/benchmark.json", "docs/consistency.md", "docs/contract.md", "docs/limits.md", "docs/pipe-conformance.md",
    "docs/proof.json", "docs/soak.json",
)  # fmt: skip
Chapter = dict[str, Any]


class Spot(NamedTuple):
    """A place in the document, or in a page beside it: its id or address, and its words."""

    id: str
    words: str


# By notebook: its headings as links name them, and under "" the notebook itself.
Places = Mapping[str, Mapping[str, Spot]]


def slug(words: str) -> str:
    """Write words as an id."""
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-") or "part"


def anchor(heading: str) -> str:
    """Write a heading as links name it: JupyterLab keeps case and signs, code-hosting sites do not; neither counts."""
    return re.sub(r"[^\w-]", "", re.sub(r"\s", "-", heading.strip())).lower()


def file_of(path: str) -> Path | None:
    """Find a file of the repository; links are written as seen from `notebooks/`."""
    file = (ROOT / "notebooks" / unquote(path)).resolve()
    return file if file.is_relative_to(ROOT.resolve()) and file.exists() else None


def find(places: Places, href: str) -> Spot | None:
    """Find the place that a link such as `05_audit.ipynb#Summary` names."""
    path, _, heading = unquote(href).partition("#")
    return places.get(Path(path).stem, {}).get(anchor(heading))


def resolve(
    href: str, here: str, places: Places, pages: Places, listings: Mapping[str, str], root: str = ""
) -> tuple[str, str]:
    """Point a link at its place.

    Args:
        href: as it stands in the notebook.
        here: the notebook's name.
        places: what is in this document.
        pages: what is in the pages of the executed notebooks beside it.
        listings: the id of each file that is shown, by its path.
        root: leads to the report's folder, in which the files of `BESIDE` lie; empty where there is none.

    Returns:
        Where it leads: an id after `#`, a page or file beside this one, a web address, or nothing; and what is wrong.
    """
    path, scheme = unquote(href).partition("#")[0], urlsplit(href).scheme
    if scheme in OUTSIDE:
        return href, ""
    if scheme or href.startswith("//"):
        return "", f"{here} links to {href!r}, which is no web address"
    if not path or path.endswith(".ipynb"):
        return _to_notebook(href if path else f"{here}.ipynb{href}", href, here, places, pages)
    if (file := file_of(path)) is None:
        return "", f"{here} links to {path}, which is not in the repository"
    name = file.relative_to(ROOT.resolve()).as_posix()
    return (f"{root}{name}" if root and name in BESIDE else listings.get(name, "")), ""


def _to_notebook(href: str, said: str, here: str, places: Places, pages: Places) -> tuple[str, str]:
    path = unquote(href).partition("#")[0]
    notebook = Path(path).stem
    if spot := find(places, href):
        return f"#{spot.id}", ""
    if spot := find(pages, href):
        return spot.id, ""
    if notebook in places or notebook in pages:
        whole = places.get(notebook, {}).get("")
        return f"#{whole.id}" if whole else "", f"{here} links to {said}, but there is no such heading"
    return "", f"{here} links to {path}, which is not in the report"
