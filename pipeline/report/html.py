"""The document as one HTML file that needs no network and no script."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from pipeline.notebook import svg
from pipeline.report.model import Document, Node

FORMATTER = HtmlFormatter(nowrap=True)


def render(document: Document, template: Path) -> str:
    """Write the document with the templates of a folder."""
    environment = Environment(
        loader=FileSystemLoader(template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    dark_style = (template / "figures-dark.css").read_text("utf-8")

    def picture(node: Node) -> str:
        if "png" in node:
            return svg.data_uri(node["png"], "image/png")
        return svg.data_uri(svg.for_screen(node["svg"], dark_style).encode())

    def is_plate(node: Node) -> bool:
        """Say whether a picture needs white paper under it on a dark page."""
        return "png" in node or not (svg.knows_dark(node["svg"]) or 'data-made-by="matplotlib"' in node["svg"])

    environment.filters |= {"coloured": coloured, "picture": picture, "lines": lines}
    environment.tests["plate"] = is_plate
    style = Markup((template / "report.css").read_text("utf-8"))  # ours, not a notebook's
    return environment.get_template("report.html.j2").render(doc=document, style=style)


def coloured(source: str, language: str) -> Markup:
    """Colour source code; what has no known language stays plain."""
    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return Markup.escape(source)
    return Markup(highlight(source, lexer, FORMATTER))  # Pygments escapes


def lines(source: str) -> str:
    """Count lines in words."""
    count = source.count("\n") + 1
    return "1 line" if count == 1 else f"{count:,} lines"
