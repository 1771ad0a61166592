"""The document as a PDF: the tree goes to Typst as data, so no text of it can be taken for a command."""

import json
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import fontpkg_arimo
import matplotlib
import typst

from pipeline.errors import UserError
from pipeline.notebook import svg
from pipeline.report.model import Document, Node, walk

FONTS = [Path(fontpkg_arimo.__file__).parent / "files", Path(matplotlib.get_data_path()) / "fonts" / "ttf"]


def render(document: Document, template: Path) -> bytes:
    """Write the document with the Typst templates of a folder. The same document gives the same bytes.

    It is PDF/UA: tagged, titled, with alt texts, so that it can also be read aloud.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = stage(document, template, Path(folder))
        when = datetime.fromisoformat(document.facts["when"])
        try:
            return typst.compile(str(place), timestamp=when, pdf_standards="ua-1", **environment(place))
        except typst.TypstError as problem:
            raise UserError(f"the PDF could not be set: {' '.join(str(problem).split())[:400]}") from None


def environment(place: Path) -> dict[str, Any]:
    """Say where Typst finds files and fonts: what we ship, and nothing of the machine."""
    return {"root": str(place.parent), "font_paths": [str(path) for path in FONTS], "ignore_system_fonts": True}


def stage(document: Document, template: Path, folder: Path) -> Path:
    """Lay out what Typst reads: the templates, the tree as JSON, the pictures as files.

    Returns:
        The file to compile.
    """
    for source in (*template.glob("*.typ"), *template.glob("*.tmTheme")):
        shutil.copy(source, folder)
    tree = asdict(document)
    for chapter, shown in zip(document.chapters, tree["chapters"], strict=True):
        shown["label"] = chapter.label
    for number, node in enumerate(_figures(tree), start=1):
        _file(node, folder, number)
    (folder / "document.json").write_text(json.dumps(tree, ensure_ascii=False), "utf-8")
    return folder / "report.typ"


def _figures(tree: Node) -> Iterable[Node]:
    for chapter in tree["chapters"]:
        yield from (node for node in walk(chapter["blocks"]) if node["type"] == "figure")


def _file(node: Node, folder: Path, number: int) -> None:
    """Put a picture beside the template; drawings stay vectors."""
    if "png" in node:
        node["file"], data = f"figure-{number}.png", node.pop("png")
        node["size"] = None
    else:
        drawing = svg.for_paper(node.pop("svg"))
        node["file"], data = f"figure-{number}.svg", drawing.encode()
        node["size"] = svg.size(drawing)
    (folder / node["file"]).write_bytes(data)
