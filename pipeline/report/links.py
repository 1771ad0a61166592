"""Links between notebooks become links within the document; what leads nowhere is said, not shown."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pipeline.paths import ROOT

OUTSIDE = {"http", "https", "mailto"}
Chapter = dict[str, Any]
Chapters = Mapping[str, Chapter]


def anchor(heading: str) -> str:
    """Write a heading as links name it: JupyterLab keeps case and signs, code-hosting sites do not; neither counts."""
    return re.sub(r"[^\w-]", "", re.sub(r"\s", "-", heading.strip())).lower()


def file_of(path: str) -> Path | None:
    """Find a file of the repository; links are written as seen from `notebooks/`."""
    file = (ROOT / "notebooks" / unquote(path)).resolve()
    return file if file.is_relative_to(ROOT.resolve()) and file.exists() else None


def find(chapters: Chapters, href: str) -> tuple[str, str] | None:
    """Find the place that a link such as `05_audit.ipynb#Summary` names: its id and its heading.

    A notebook that did not run to its end may lack the place; then the notebook stands for it.
    """
    path, _, heading = unquote(href).partition("#")
    if not (chapter := chapters.get(Path(path).stem)):
        return None
    place = chapter["places"].get(anchor(heading)) if heading else None
    return place if place or (heading and chapter["ok"]) else (chapter["id"], chapter["title"])


def resolve(href: str, here: Chapter, chapters: Chapters, listings: Mapping[str, str]) -> tuple[str, str]:
    """Point a link at its place.

    Returns:
        Where it leads: an id after `#`, an address of the web, or nothing; and what is wrong with it.
    """
    path, scheme, name = unquote(href).partition("#")[0], urlsplit(href).scheme, here["name"]
    if scheme in OUTSIDE:
        return href, ""
    if scheme or href.startswith("//"):
        return "", f"{name} links to {href!r}, which is no web address"
    if not path or path.endswith(".ipynb"):
        if place := find(chapters, href if path else f"{name}.ipynb{href}"):
            return f"#{place[0]}", ""
        if chapter := chapters.get(Path(path or name).stem):
            return f"#{chapter['id']}", f"{name} links to {href}, but there is no such heading"
        return "", f"{name} links to {path}, which is not in the report"
    if (file := file_of(path)) is None:
        return "", f"{name} links to {path}, which is not in the repository"
    return listings.get(file.relative_to(ROOT.resolve()).as_posix(), ""), ""
