"""Markdown cells → nodes. Raw HTML is text, but for `<details>` (a folded answer), `<br>` and comments."""

import html
import re
from collections.abc import Iterable
from typing import Any

import mistune

from pipeline.report.model import Node, code_block, plain, text
from pipeline.safe_text import visible

_parse = mistune.create_markdown(renderer=None, plugins=["table", "strikethrough", "url"])

FOLD_OPENS = re.compile(r"\s*<details[^>]*>\s*(?:<summary[^>]*>(.*?)</summary>)?\s*(.*)", re.IGNORECASE | re.DOTALL)
FOLD_CLOSES = re.compile(r"\s*</details>\s*", re.IGNORECASE)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
TAG = re.compile(r"<[^>]+>")

SPANS = {"emphasis": "emphasis", "strong": "strong", "strikethrough": "strike"}


def parse(source: str) -> list[Node]:
    """Turn Markdown into block nodes."""
    tokens: Any = _parse(source)
    return blocks(tokens)


def blocks(tokens: Iterable[dict[str, Any]]) -> list[Node]:
    """Turn block tokens into nodes; what stands between `<details>` and `</details>` becomes one folded node."""
    out: list[Node] = []
    open_folds: list[list[Node]] = [out]
    for token in tokens:
        raw = COMMENT.sub("", token["raw"]) if token["type"] == "block_html" else ""
        if token["type"] != "block_html":
            open_folds[-1].extend(_block(token))
        elif opened := FOLD_OPENS.fullmatch(raw):
            inside = _fold(opened, open_folds[-1])
            if inside is not None:
                open_folds.append(inside)
        elif FOLD_CLOSES.fullmatch(raw):
            open_folds[1:] = open_folds[1:-1]
        elif raw.strip():
            open_folds[-1].append({"type": "paragraph", "children": [text(visible(raw.strip()))]})
    return out


def _fold(opened: re.Match[str], into: list[Node]) -> list[Node] | None:
    """Start a folded node; one that also ends in the same token is complete, and nothing stays open."""
    summary = html.unescape(TAG.sub("", opened[1] or "More")).strip()
    rest, closes, _ = opened[2].partition("</details>")
    children = parse(rest) if rest.strip() else []
    into.append({"type": "fold", "summary": visible(summary), "children": children})
    return None if closes else children


def _block(token: dict[str, Any]) -> list[Node]:
    match token["type"]:
        case "heading":
            return [
                {"type": "heading", "level": token["attrs"]["level"], "children": inline(token["children"]), "id": ""}
            ]
        case "paragraph" | "block_text":
            return _paragraph(inline(token["children"]))
        case "block_code":
            language = (token.get("attrs") or {}).get("info", "text").split() or ["text"]
            return [code_block(visible(token["raw"]), language[0])]
        case "block_quote":
            return [{"type": "quote", "children": blocks(token["children"])}]
        case "thematic_break":
            return [{"type": "rule"}]
        case "list":
            return [
                {
                    "type": "list",
                    "ordered": token["attrs"]["ordered"],
                    "start": token["attrs"].get("start", 1),
                    "tight": token.get("tight", True),
                    "items": [blocks(item["children"]) for item in token["children"]],
                }
            ]
        case "table":
            return [_table(token)]
    return []


def _paragraph(children: list[Node]) -> list[Node]:
    """Make a paragraph; a picture in it becomes a block of its own."""
    out: list[Node] = [{"type": "paragraph", "children": []}]
    for child in children:
        if child["type"] == "image":
            out += [child, {"type": "paragraph", "children": []}]
        else:
            out[-1]["children"].append(child)
    return [node for node in out if node["type"] == "image" or plain(node["children"]).strip()]


def _table(token: dict[str, Any]) -> Node:
    head, *bodies = token["children"]
    return {
        "type": "table",
        "caption": "",
        "head": [[_cell(cell) for cell in head["children"]]],
        "body": [[_cell(cell) for cell in row["children"]] for body in bodies for row in body["children"]],
    }


def _cell(token: dict[str, Any]) -> Node:
    children = inline(token["children"])
    return {
        "type": "cell",
        "children": children,
        "header": token["attrs"]["head"],
        "align": token["attrs"].get("align") or "left",
        "colspan": 1,
        "rowspan": 1,
        "length": len(plain(children)),
    }


def inline(tokens: Iterable[dict[str, Any]]) -> list[Node]:
    """Turn inline tokens into nodes."""
    out: list[Node] = []
    for token in tokens:
        kind = token["type"]
        if kind in SPANS:
            out.append({"type": SPANS[kind], "children": inline(token["children"])})
        elif kind == "codespan":
            out.append({"type": "codespan", "text": visible(html.unescape(token["raw"]))})
        elif kind == "link":
            out.append({"type": "link", "href": token["attrs"]["url"], "children": inline(token["children"])})
        elif kind == "image":
            attrs, alt = token["attrs"], plain(inline(token["children"]))
            out.append({"type": "image", "src": attrs["url"], "alt": alt, "caption": attrs.get("title") or ""})
        elif kind == "softbreak":
            out.append(text(" "))
        elif kind == "linebreak" or (kind == "inline_html" and re.fullmatch(r"<br\s*/?>", token["raw"])):
            out.append({"type": "break"})
        elif not (kind == "inline_html" and COMMENT.fullmatch(token["raw"])):
            out.append(text(visible(html.unescape(token.get("raw", "")))))
    return out
