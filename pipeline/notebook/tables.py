"""Data frames as HTML (for a notebook) and HTML tables as nodes (for the report)."""

import re
from html import escape

from bs4 import BeautifulSoup, Tag

from pipeline.report.model import Node, text
from pipeline.safe_text import visible

NUMBER = re.compile(r"[+−-]?[\d,  ]*\d(?:\.\d+)?(?:e[+-]?\d+)?\s?(?:%|ms|s|B|kB|MB)?|nan|–|", re.IGNORECASE)
LEFT_OUT = "..."  # pandas' row for the rows that are not shown


def parse(html: str, caption: str = "") -> list[Node]:
    """Read every table of an HTML output, such as the one pandas makes of a data frame."""
    soup = BeautifulSoup(html, "html.parser")
    return [_table(found, caption) for found in soup.find_all("table") if isinstance(found, Tag)]


def written(table: Node) -> str:
    """Write a table as HTML for a notebook: one head, and every cell on its own side, whatever the page's style."""
    head, body = ("".join(map(_row, table[part])) for part in ("head", "body"))
    return f'<table style="overflow-wrap:normal"><thead>{head}</thead><tbody>{body}</tbody></table>'


def in_page(text: str) -> str:
    """Escape text for a notebook's HTML. JupyterLab would read what stands between two dollar signs as mathematics."""
    return escape(text).replace("$", "<span>$</span>")


def _row(cells: list[Node]) -> str:
    return f"<tr>{''.join(map(_written_cell, cells))}</tr>"


def _written_cell(cell: Node) -> str:
    tag = "th" if cell["header"] else "td"
    spans = "".join(f' {name}="{cell[name]}"' for name in ("colspan", "rowspan") if cell[name] > 1)
    return f'<{tag}{spans} style="text-align:{cell["align"]}">{in_page(cell["children"][0]["text"])}</{tag}>'


def _table(table: Tag, caption: str) -> Node:
    rows = [row for row in table.find_all("tr") if row.find_parent("table") is table]
    head: list[list[Node]] = []
    body: list[list[Node]] = []
    for row in rows:
        cells = [_cell(cell) for cell in row.find_all(["th", "td"])]
        is_head = row.find_parent("thead") is not None or (not body and all(cell["header"] for cell in cells))
        (head if is_head and not body else body).append(cells)
    head = _one_head(head)
    _align(head, body)
    own = table.find("caption")
    return {"type": "table", "caption": caption or (_text(own) if own else ""), "head": head, "body": body}


def _one_head(head: list[list[Node]]) -> list[list[Node]]:
    """Join the two head rows that pandas writes for an index with a name: each leaves empty what the other says."""
    if len(head) != 2 or len(head[0]) != len(head[1]):
        return head
    pairs = list(zip(*head, strict=True))
    if any(upper["length"] and lower["length"] for upper, lower in pairs):
        return head
    return [[upper if upper["length"] else lower for upper, lower in pairs]]


def _cell(cell: Tag) -> Node:
    value = _text(cell)
    return {
        "type": "cell",
        "children": [text(value)],
        "header": cell.name == "th",
        "align": "left",
        "colspan": _span(cell, "colspan"),
        "rowspan": _span(cell, "rowspan"),
        "length": len(value),
    }


def _text(tag: Tag) -> str:
    return visible(" ".join(tag.get_text().split()))


def _span(cell: Tag, name: str) -> int:
    value = str(cell.get(name, "1"))
    return max(1, int(value)) if value.isdigit() else 1


def _align(head: list[list[Node]], body: list[list[Node]]) -> None:
    """Set columns of numbers to the right, with their headings. Spanned tables stay as they are."""
    rows = [*head, *body]
    if not body or any(cell["rowspan"] > 1 or cell["colspan"] > 1 for row in rows for cell in row):
        return
    for column in range(max(map(len, body))):
        values = [row[column]["children"][0]["text"] for row in body if column < len(row)]
        values = [value for value in values if value != LEFT_OUT]
        if any(values) and all(NUMBER.fullmatch(value) for value in values):
            for row in rows:
                if column < len(row):
                    row[column]["align"] = "right"
