"""A preprocessor that gives a document its outline: chapters, ids, numbers, checks, and links that land."""

import re
from collections import Counter, defaultdict
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
from pipeline.report.evidence import link_of
from pipeline.report.links import Chapter, Spot, anchor, file_of, resolve, slug
from pipeline.report.markdown import plain, walk

REFERENCE = re.compile(
    "(this|the second|the third) (figure|table|listing)", re.IGNORECASE
)  # a link's words: its number
PLACES = ("this", "the second", "the third")  # among the figures, tables or listings of a section
TAKEN = ("answer", "contents", "deliverables", "run", "top", "main", "failures", "search")  # ids of our own templates


def chapter_cell(name: str, seconds: float = 0.0, error: str = "", skipped: bool = False) -> NotebookNode:
    """Make the cell that begins the chapter of a notebook, where no plan says what a chapter is."""
    label = name.split("_")[0] if name.split("_")[0].isdigit() else ""
    run = {"seconds": seconds, "error": error, "skipped": skipped}
    return new_raw_cell(metadata={"chapter": {"name": name, "label": label, "notebook": name, **run}})


class Outline(Preprocessor):
    """Sets the resources `chapters`, `shown`, `errors`, `problems`; gives parts ids, and what is shown numbers.

    `shown` has, by notebook and cell, the label and the id of the first figure, table or listing of the cell.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Processed:
        """Read the document: first what there is, then where links lead."""
        if not any("chapter" in cell.metadata for cell in nb.cells):
            nb.cells.insert(0, chapter_cell(resources["metadata"]["name"]))  # a notebook on its own
        self.ids, self.counts = Counter(TAKEN), Counter[str]()
        self.here: Chapter = {}
        self.chapters: list[Chapter] = []
        self.places: dict[str, dict[str, Spot]] = defaultdict(dict)
        self.pages, self.root = resources.get("pages", {}), resources.get("root", "")
        self.is_numbered = not resources.get("as_executed")  # beside the report, whose numbers are others
        self.listings: dict[str, str] = {}
        self.shown: dict[tuple[str, str], tuple[str, str]] = {}
        self.in_section: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)  # by kind too, as `shown`
        self.checks: list[dict[str, Any]] = []
        self.errors: list[str] = []
        self.problems: list[str] = list(resources.get("problems", ()))
        for cell in nb.cells:
            if "chapter" in cell.metadata:
                self._begin(cell.metadata.chapter)
            self.notebook = self._notebook_of(cell)
            tokens = cell.metadata.get("tokens", ())
            cell.metadata["tokens"] = _captioned([token for token in tokens if not self._is_title(token)])
            if was := cell.metadata.get("was"):
                words = was if self.here["sections"] else self.here["title"]
                self.places[self.notebook].setdefault(anchor(was), Spot(self._section(), words))
            for table in cell.metadata.tokens:
                self._number_table(table, cell)
            for output in cell.get("outputs", ()):
                self._number(output, cell)
        for cell in nb.cells:
            self.here = cell.metadata.get("chapter", self.here)
            self.notebook = self._notebook_of(cell)
            for token in _tokens(cell):
                self._point(token)
        resources |= {"chapters": self.chapters, "shown": self.shown, "checks_here": self.checks}
        resources |= {"errors": self.errors, "problems": self.problems, "places": self.places}
        return nb, resources

    def _notebook_of(self, cell: NotebookNode) -> str:
        return str(cell.metadata.get("origin", {}).get("notebook") or self.here.get("notebook", self.here["name"]))

    def _begin(self, chapter: Chapter) -> None:
        defaults = {"part": "main", "holds": "", "error": "", "skipped": False, "notebook": "", "seconds": 0.0}
        chapter |= {**defaults, **chapter, "sections": []}
        chapter["place"] = len(self.chapters)
        self.here, self.level = chapter, 1
        self.needs_title = "title" not in chapter  # then its first heading is its title, not its text
        chapter |= {"id": self._id(chapter["name"]), "title": chapter.get("title", chapter["name"])}
        first_of_part = [before["part"] for before in self.chapters].count(chapter["part"]) == 0
        chapter["new_page"] = first_of_part
        self.chapters.append(chapter)

    def _is_title(self, token: Token) -> bool:
        """Give a heading its id, and a level without a gap."""
        if token["type"] != "heading":
            return False
        words, said, here = plain(token["children"]), token["attrs"], self.here
        places = self.places[self.notebook]
        if self.needs_title:
            self.needs_title = False
            here["title"] = words
            places[""] = places[anchor(words)] = Spot(here["id"], words)
            return True
        self.level = said["level"] = min(max(2, said["level"]), self.level + 1)
        said["id"] = self._id(f"{here['id']} {words}")
        places.setdefault(anchor(words), Spot(said["id"], words))
        if self.level == 2:
            said["number"] = f"{here['label']}.{len(here['sections']) + 1}" if self._is_planned() else ""
            here["sections"].append({"id": said["id"], "title": words, "number": said["number"]})
        said["listed"] = here["part"] == "main"
        return False

    def _is_planned(self) -> bool:
        return bool(self.here["label"]) and not self.here["notebook"]

    def _number(self, output: NotebookNode, cell: NotebookNode) -> None:
        data = output.get("data", {})
        if data:
            output.metadata["evidence"] = link_of(cell)
        if output.output_type == "error":
            output["id"] = self._next("error")[1]
            self.errors.append(output.id)
        elif CHECK in data:
            output.metadata["id"] = self._next("check")[1]
            self.checks.append({"source": "", "evidence": link_of(cell), **data[CHECK], "id": output.metadata.id})
            self._is_shown_in(cell, "Check", output.metadata.id)
        elif FIGURE in data or LISTING in data:
            label, id = self._next("figure" if FIGURE in data else "listing")
            output.metadata |= {"label": label, "id": id}
            self._is_shown_in(cell, label, id)
        if LISTING in data:
            self.listings.setdefault(data[LISTING]["path"], f"#{output.metadata.id}")
        for table in data.get(TOKENS, ()):
            self._number_table(table, cell)

    def _number_table(self, table: Token, cell: NotebookNode) -> None:
        if table.get("attrs", {}).get("caption"):
            label, id = self._next("table")
            table["attrs"] |= {"label": label, "id": id, "evidence": link_of(cell)}
            self._is_shown_in(cell, label, id)

    def _is_shown_in(self, cell: NotebookNode, label: str, id: str) -> None:
        if origin := cell.metadata.get("origin"):
            before = self.shown.get((origin["notebook"], origin["cell"]), ("Check", ""))
            if before[0] == "Check":  # a figure, a table or a listing says more
                self.shown[origin["notebook"], origin["cell"]] = (label, id)

    def _next(self, kind: str) -> tuple[str, str]:
        self.counts[kind] += 1
        label = f"{kind.title()} {self.counts[kind]}"
        spot = label if self.is_numbered else kind.title(), self._id(label)
        self.in_section[self._section(), kind].append(spot)
        return spot

    def _section(self) -> str:
        """Return the id of the section that is being read, or of a chapter that has none yet."""
        return str(self.here["sections"][-1]["id"] if self.here["sections"] else self.here["id"])

    def _id(self, wish: str) -> str:
        """Give the id wished for, or the next one free."""
        wish = slug(wish)
        self.ids[wish] += 1
        return wish if self.ids[wish] == 1 else self._id(f"{wish}-{self.ids[wish]}")

    def _point(self, token: Token) -> None:
        """Point a link at its place, or leave its words; put a drawing where its file is named, or else words."""
        if token["type"] == "link":
            href = token["attrs"]["url"]
            url, problem = resolve(href, self.notebook, self.places, self.pages, self.listings, self.root)
            token |= {"attrs": {"url": url}} if url else {"type": "block_text", "attrs": {}}
            said = REFERENCE.fullmatch(plain(token["children"])) if self.is_numbered else None
            if said and url.startswith("#"):
                there, place = self.in_section[url[1:], said[2].lower()], PLACES.index(said[1].lower())
                label, id = there[place] if place < len(there) else (said[0], url[1:])
                token |= {"attrs": {"url": f"#{id}"}, "children": [{"type": "text", "raw": label, "attrs": {}}]}
            self.problems += [problem] if problem else []
        elif token["type"] == "image":
            words, url = plain(token.pop("children")) or "Picture", token["attrs"]["url"]
            with suppress(UserError):
                if (file := file_of(url)) and file.suffix == ".svg":
                    token["attrs"] = {"url": svg.clean(file.read_text("utf-8")), "alt": words}
                    return
            token |= {"type": "text", "raw": f"[{words}]", "attrs": {}}
            self.problems.append(f"{self.notebook} shows {url}, which is no SVG file of the repository")


def _captioned(tokens: list[Token]) -> list[Token]:
    """Make a paragraph `Table: …` the caption of the table that follows it."""
    kept: list[Token] = []
    for token in tokens:
        words = plain(kept[-1]["children"]) if kept and kept[-1]["type"] == "paragraph" else ""
        if token["type"] == "table" and words.startswith("Table: "):
            kept.pop()
            token["attrs"] = {**token.get("attrs", {}), "caption": words.removeprefix("Table: ")}
        kept.append(token)
    return kept


def _tokens(cell: NotebookNode) -> Iterator[Token]:
    yield from walk(cell.metadata.tokens)
    for output in cell.get("outputs", ()):
        yield from walk(output.get("data", {}).get(TOKENS, ()))
