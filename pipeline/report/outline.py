"""A preprocessor that gives a document its outline: chapters, ids, numbers, checks, and links that land."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_raw_cell

from pipeline.errors import UserError
from pipeline.notebook import svg
from pipeline.notebook.show import CHECK, FIGURE, LISTING
from pipeline.notebook.tables import Token
from pipeline.report.cells import TOKENS, Processed
from pipeline.report.links import Chapter, anchor, file_of, resolve
from pipeline.report.markdown import plain, walk

TAKEN = ("contents", "deliverables", "run", "top", "main", "failures")  # ids of our own templates


def chapter_cell(name: str, seconds: float = 0.0, error: str = "", skipped: bool = False) -> NotebookNode:
    """Make the cell that begins the chapter of a notebook."""
    label = name.split("_")[0] if name.split("_")[0].isdigit() else ""
    run = {"seconds": seconds, "error": error, "skipped": skipped, "ok": not (error or skipped)}
    return new_raw_cell(metadata={"chapter": {"name": name, "label": label, "sections": [], "places": {}, **run}})


class Outline(Preprocessor):
    """Sets the resources `chapters`, `checks`, `errors`, `problems`; gives parts ids, and what is shown numbers."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Processed:
        """Read the document: first what there is, then where links lead."""
        if not any("chapter" in cell.metadata for cell in nb.cells):
            nb.cells.insert(0, chapter_cell(resources["metadata"]["name"]))  # a notebook on its own
        self.ids, self.counts = Counter(TAKEN), Counter[str]()
        self.here: Chapter = {}
        self.chapters: dict[str, Chapter] = {}
        self.listings: dict[str, str] = {}
        self.checks: list[dict[str, Any]] = []
        self.errors: list[str] = []
        self.problems: list[str] = []
        for cell in nb.cells:
            if "chapter" in cell.metadata:
                self._begin(cell.metadata.chapter)
            cell.metadata["tokens"] = [token for token in cell.metadata.get("tokens", ()) if not self._is_title(token)]
            for output in cell.get("outputs", ()):
                self._number(output)
        for cell in nb.cells:
            self.here = cell.metadata.get("chapter", self.here)
            for token in _tokens(cell):
                self._point(token)
        resources |= {"chapters": list(self.chapters.values()), "checks": self.checks}
        resources |= {"errors": self.errors, "problems": self.problems}
        return nb, resources

    def _begin(self, chapter: Chapter) -> None:
        self.here, self.section, self.level = chapter, "", 1
        chapter |= {"id": self._id(chapter["name"]), "title": chapter["name"]}
        self.chapters[chapter["name"]] = chapter

    def _is_title(self, token: Token) -> bool:
        """Give a heading its id, and a level without a gap. The first one of a chapter is its title, not its text."""
        if token["type"] != "heading":
            return False
        words, said, here = plain(token["children"]), token["attrs"], self.here
        if not here["places"]:
            here["title"], here["places"][anchor(words)] = words, (here["id"], words)
            return True
        self.level = said["level"] = min(max(2, said["level"]), self.level + 1)
        said["id"] = self._id(f"{here['id']} {words}")
        here["places"].setdefault(anchor(words), (said["id"], words))
        if self.level == 2:
            self.section = words
            here["sections"].append({"id": said["id"], "title": words})
        return False

    def _number(self, output: NotebookNode) -> None:
        data = output.get("data", {})
        if output.output_type == "error":
            output["id"] = self._next("error")[1]
            self.errors.append(output.id)
        elif CHECK in data:
            output.metadata["id"] = self._next("check")[1]
            self.checks.append({**data[CHECK], "id": output.metadata.id, "place": self.section or self.here["title"]})
        elif FIGURE in data or LISTING in data:
            output.metadata["label"], output.metadata["id"] = self._next("figure" if FIGURE in data else "listing")
        if LISTING in data:
            self.listings.setdefault(data[LISTING]["path"], f"#{output.metadata.id}")
        for table in data.get(TOKENS, ()):
            if table.get("attrs", {}).get("caption"):
                table["attrs"]["label"], table["attrs"]["id"] = self._next("table")

    def _next(self, kind: str) -> tuple[str, str]:
        self.counts[kind] += 1
        label = f"{kind.title()} {self.counts[kind]}"
        return label, self._id(label)

    def _id(self, wish: str) -> str:
        """Give the id wished for, or the next one free."""
        wish = re.sub(r"[^a-z0-9]+", "-", wish.lower()).strip("-") or "part"
        self.ids[wish] += 1
        return wish if self.ids[wish] == 1 else self._id(f"{wish}-{self.ids[wish]}")

    def _point(self, token: Token) -> None:
        """Point a link at its place, or leave its words; put a drawing where its file is named, or else words."""
        if token["type"] == "link":
            url, problem = resolve(token["attrs"]["url"], self.here, self.chapters, self.listings)
            token |= {"attrs": {"url": url}} if url else {"type": "block_text", "attrs": {}}
            self.problems += [problem] if problem else []
        elif token["type"] == "image":
            words, url = plain(token.pop("children")) or "Picture", token["attrs"]["url"]
            with suppress(UserError):
                if (file := file_of(url)) and file.suffix == ".svg":
                    token["attrs"] = {"url": svg.clean(file.read_text("utf-8")), "alt": words}
                    return
            token |= {"type": "text", "raw": f"[{words}]", "attrs": {}}
            self.problems.append(f"{self.here['name']} shows {url}, which is no SVG file of the repository")


def _tokens(cell: NotebookNode) -> Iterator[Token]:
    yield from walk(cell.metadata.tokens)
    for output in cell.get("outputs", ()):
        yield from walk(output.get("data", {}).get(TOKENS, ()))
