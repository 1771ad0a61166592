"""Links between notebooks become links within the report; what leads nowhere is said, not shown."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipeline.errors import UserError
from pipeline.report import outputs
from pipeline.report.model import Chapter, Node, plain, text, walk

OUTSIDE = {"http", "https", "mailto"}


def anchor(heading: str) -> str:
    """Write a heading as links name it: JupyterLab keeps case and signs, code-hosting sites do not; neither counts."""
    return re.sub(r"[^\w-]", "", re.sub(r"\s", "-", heading.strip())).lower()


def file_of(root: Path, path: str) -> Path | None:
    """Find a file of the repository; links are written as seen from `notebooks/`."""
    file = (root / "notebooks" / unquote(path)).resolve()
    return file if file.is_relative_to(root.resolve()) and file.exists() else None


def read_pictures(chapters: Iterable[Chapter], root: Path) -> list[str]:
    """Turn every picture that the text shows into a figure.

    Returns:
        One line for each picture that is not there.
    """
    missing = []
    for chapter in chapters:
        for node in walk(chapter.blocks):
            if node["type"] != "image":
                continue
            source, words = node["src"], node["alt"] or "Picture"
            try:
                file = file_of(root, source)
                if file is None or file.suffix != ".svg":
                    raise UserError("no SVG file of the repository")
                node |= outputs.picture(file.read_text("utf-8"), words, node["caption"])
            except UserError as problem:
                missing.append(f"{chapter.name} shows {source}: {problem}")
                node |= {"type": "paragraph", "children": [text(f"[{words}]")]}
    return missing


def find(chapters: Iterable[Chapter], href: str) -> tuple[str, str] | None:
    """Find the place that a link such as `05_audit.ipynb#What-was-seen` names.

    Returns:
        Its id and its heading; none if there is no such place.
    """
    path, _, heading = unquote(href).partition("#")
    chapter = next((each for each in chapters if each.name == Path(path).stem), None)
    if chapter is None:
        return None
    if not heading or not chapter.run.ok:
        return chapter.id, chapter.title
    goal = chapter.anchors.get(anchor(heading))
    named = [node for node in chapter.blocks if node["type"] == "heading" and node["id"] == goal]
    return (named[0]["id"], plain(named[0]["children"])) if named else None


class Links:
    """All that a link may lead to."""

    def __init__(self, chapters: Sequence[Chapter], root: Path) -> None:
        self._chapters = {chapter.name: chapter for chapter in chapters}
        self._root = root
        self._listings = {
            node["path"]: node["id"]
            for chapter in reversed(chapters)
            for node in walk(chapter.blocks)
            if node["type"] == "listing"
        }
        self._dead: list[str] = []

    def resolve(self) -> list[str]:
        """Point every link at its place.

        Returns:
            One line for each link that leads nowhere.
        """
        for chapter in self._chapters.values():
            for node in walk(chapter.blocks):
                if node["type"] == "link":
                    self._link(chapter, node)
        return self._dead

    def _link(self, chapter: Chapter, node: Node) -> None:
        href = node["href"]
        scheme = urlsplit(href).scheme
        node["target"], node["url"] = "", ""
        if scheme in OUTSIDE:
            node["url"] = href
        elif scheme or href.startswith("//"):
            self._dead.append(f"{chapter.name} links to {href!r}, which is no web address")
        else:
            node["target"] = self._inside(chapter, href)

    def _inside(self, chapter: Chapter, href: str) -> str:
        """Find the id that a relative link means, or none if it is a file that the report does not show."""
        path, _, heading = unquote(href).partition("#")
        if not path or path.endswith(".ipynb"):
            goal = self._chapters.get(Path(path).stem) if path else chapter
            if goal is None:
                self._dead.append(f"{chapter.name} links to {path}, which is not in the report")
                return ""
            if not heading or goal.run.skipped:
                return goal.id
            found = goal.anchors.get(anchor(heading))
            if not found and goal.run.ok:
                self._dead.append(f"{chapter.name} links to {href}, but there is no such heading")
            return found or goal.id
        file = file_of(self._root, path)
        if file is None:
            self._dead.append(f"{chapter.name} links to {path}, which is not in the repository")
            return ""
        return self._listings.get(file.relative_to(self._root.resolve()).as_posix(), "")
