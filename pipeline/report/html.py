"""Tokens as HTML, in the house style. All text is escaped here, once."""

import re
from collections.abc import Mapping
from html import escape
from typing import Any

import mistune
from bs4 import BeautifulSoup
from markupsafe import Markup
from mistune.plugins.formatting import render_strikethrough
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from pipeline.notebook import svg, tables

FORMATTER = HtmlFormatter(nowrap=True)
DARK = svg.TEMPLATE / "figures-dark.css"
LONG = 24  # letters; a longer cell may be broken into lines


def blocks(tokens: list[tables.Token], lower: int = 0) -> Markup:
    """Write block tokens, their headings so many levels lower."""
    return Markup(HTML(lower).render_tokens(tokens, mistune.BlockState()))


def coloured(source: str, language: str = "") -> Markup:
    """Colour source code; what has no known language stays plain."""
    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return Markup.escape(source)
    return Markup(highlight(source, lexer, FORMATTER))


def picture(data: Mapping[str, str]) -> str:
    """Write a drawing, with colours for a dark page, or a picture as an address that needs no network."""
    if drawing := data.get("image/svg+xml"):
        return svg.data_uri(svg.for_screen(drawing, DARK.read_text("utf-8")).encode())
    return f"data:image/png;base64,{data['image/png'].strip()}"


def is_plate(data: Mapping[str, str]) -> bool:
    """Say whether a picture needs white paper under it on a dark page."""
    drawing = data.get("image/svg+xml", "")
    return not (svg.knows_dark(drawing) or svg.is_chart(drawing))


def origin(evidence: Mapping[str, str] | None) -> Markup:
    """Write the link to the cell that made a figure, a table or a check."""
    if not evidence:
        return Markup("")
    return Markup(' <a class="origin" href="{url}">{label}</a>').format(**evidence)


FILTERS = {"blocks": blocks, "coloured": coloured, "picture": picture, "is_plate": is_plate, "origin": origin}


class HTML(mistune.HTMLRenderer):
    """mistune's own renderer, with wide tables that scroll, colours, folds, and pictures within the page."""

    def __init__(self, lower: int) -> None:
        super().__init__()
        self._lower = lower
        self.register("strikethrough", render_strikethrough)

    def heading(self, text: str, level: int, number: str = "", listed: bool = True, **attrs: Any) -> str:
        text = f'<span class="no">{escape(number)}</span> {text}' if number else text
        return super().heading(text, min(level + self._lower, 6), **attrs)

    def block_code(self, code: str, info: str | None = None) -> str:
        return f'<pre tabindex="0"><code>{coloured(code, *(info or "").split()[:1])}</code></pre>\n'

    def image(self, url: str, alt: str) -> str:  # type: ignore[override]
        return f'<img class="plate" src="{svg.data_uri(url.encode())}" alt="{escape(alt)}">'

    def fold(self, text: str, summary: str) -> str:
        return f'<details class="fold"><summary>{escape(summary)}</summary>{text}</details>\n'

    def link(self, text: str, url: str, title: str | None = None, reference: int = 0) -> str:
        mark = f'<sup class="reference"><a href="#reference-{reference}">[{reference}]</a></sup>' if reference else ""
        return super().link(text, url, title) + mark

    def evidence(self, text: str, url: str) -> str:
        return f'<a class="value" href="{escape(url)}" title="the cell that computed it">{text}</a>'

    def table(
        self, text: str, id: str = "", label: str = "", caption: str = "", evidence: Mapping[str, str] | None = None
    ) -> str:
        about = f'role="region" aria-label="{escape(label or "Table")}" tabindex="0"'
        table = f'<div class="scroll" {about}>\n{_table(text)}\n</div>\n'
        title = f"<figcaption><b>{escape(label)}.</b> {escape(caption)}{origin(evidence)}</figcaption>"
        return f'<figure class="table" id="{escape(id)}">{title}\n{table}</figure>\n' if caption else table

    def table_head(self, text: str) -> str:
        return f"<thead><tr>{text}</tr></thead>\n"

    def table_body(self, text: str) -> str:
        return f"<tbody>\n{text}</tbody>\n"

    def table_row(self, text: str) -> str:
        return f"<tr>{text}</tr>\n"

    def table_cell(self, text: str, align: str | None = None, head: bool = False, **over: int) -> str:
        is_long = len(re.sub("<[^>]*>", "", text)) > LONG
        name = align if align in ("right", "center") else "long" if is_long else None
        tag, attrs = "th" if head else "td", tables.spans(over) + self.render_attrs({"class": name})
        return f"<{tag}{attrs}>{text}</{tag}>"


def _table(text: str) -> str:
    """Write a table. One of three columns or more with long cells says in each cell what it is: a phone stacks them."""
    page = BeautifulSoup(f"<table>\n{text}</table>", "html.parser")
    heads = [cell.get_text() for cell in page.select("thead th")]
    if len(heads) >= 3 and page.select(".long"):
        page.select("table")[0]["class"] = "stacks"
        for row in page.select("tbody tr"):
            for cell, head in zip(row.find_all(["td", "th"]), heads, strict=False):
                cell["data-label"] = head
    return str(page)
