"""Tables in HTML, such as pandas makes, read as mistune's tokens: text without markup, numbers on the right."""

import re
from html import escape
from typing import Any

from bs4 import BeautifulSoup, Tag

from pipeline.safe_text import visible

Token = dict[str, Any]
Row = list[Token]
NUMBER = re.compile(r"[+−-]?[\d,  ]*\d(?:\.\d+)?(?:e[+-]?\d+)?\s?(?:%|ms|s|B|kB|MB)?|nan|–|", re.IGNORECASE)
LEFT_OUT = "..."  # pandas' row for the rows that are not shown


def parse(page: str) -> list[Token]:
    """Read every table of a page."""
    return [_table(table) for table in BeautifulSoup(page, "html.parser").find_all("table")]


def written(table: Token) -> str:
    """Write a table for a notebook: every cell says its side, because each page has a style of its own."""
    head, body = table["children"]
    rows = "".join(_written(row["children"]) for row in body["children"])
    head_row = _written(head["children"])
    return f'<table style="overflow-wrap:normal"><thead>{head_row}</thead><tbody>{rows}</tbody></table>'


def in_page(text: str) -> str:
    """Escape text for a notebook's HTML. JupyterLab would read what stands between two dollar signs as mathematics."""
    return escape(visible(text)).replace("$", "<span>$</span>")


def spans(attrs: dict[str, Any]) -> str:
    """Write over how many columns and rows a cell goes, if it is more than one."""
    return "".join(f' {name}="{attrs[name]}"' for name in ("colspan", "rowspan") if attrs.get(name, 1) > 1)


def _written(row: Row) -> str:
    cells = ""
    for cell in row:
        said, tag = cell["attrs"], "th" if cell["attrs"]["head"] else "td"
        cells += f'<{tag}{spans(said)} style="text-align:{said["align"]}">{in_page(_text(cell))}</{tag}>'
    return f"<tr>{cells}</tr>"


def _table(table: Tag) -> Token:
    rows = [[_cell(cell) for cell in row.find_all(["th", "td"])] for row in table.find_all("tr")]
    head, *body = _with_one_head(rows) or [[]]
    _align(head, body)
    parts = _part("table_head", head), _part("table_body", [_part("table_row", row) for row in body])
    return _part("table", list(parts))


def _part(kind: str, children: list[Token]) -> Token:
    return {"type": kind, "children": children}


def _cell(cell: Tag) -> Token:
    over = {name: int(re.sub(r"\D", "", str(cell.get(name))) or 1) for name in ("colspan", "rowspan")}
    said = visible(" ".join(cell.get_text().split()))
    attrs = {"align": "left", "head": cell.name == "th", **over}
    return {"type": "table_cell", "attrs": attrs, "children": [{"type": "text", "raw": said}]}


def _text(cell: Token) -> str:
    return str(cell["children"][0]["raw"])


def _with_one_head(rows: list[Row]) -> list[Row]:
    """Join the two head rows that pandas writes for an index with a name: each leaves empty what the other says."""
    if len(rows) > 1 and len(rows[0]) == len(rows[1]) and all(cell["attrs"]["head"] for cell in rows[1]):
        pairs = list(zip(rows[0], rows[1], strict=True))
        if not any(_text(upper) and _text(lower) for upper, lower in pairs):
            return [[upper if _text(upper) else lower for upper, lower in pairs], *rows[2:]]
    return rows


def _align(head: Row, body: list[Row]) -> None:
    """Set columns of numbers to the right, with their headings. Spanned tables stay as they are."""
    if any(spans(cell["attrs"]) for row in (head, *body) for cell in row):
        return
    for heading, *column in zip(head, *body, strict=False):
        values = [said for said in map(_text, column) if said != LEFT_OUT]
        if any(values) and all(map(NUMBER.fullmatch, values)):
            for cell in (heading, *column):
                cell["attrs"]["align"] = "right"
