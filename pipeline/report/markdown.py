"""Markdown as mistune's tokens. HTML is text, but for `<details>` (a folded answer), `<br>` and comments."""

import re
from collections.abc import Iterable, Iterator
from html import unescape
from typing import Any

import mistune

from pipeline.notebook.tables import Token
from pipeline.safe_text import visible

FOLD = (
    r"^ {0,3}<details[^>]*>\s*(?:<summary[^>]*>(?P<summary>[\s\S]*?)</summary>)?(?P<folded>[\s\S]*?)"
    r"(?:</details>\s*|\Z)"
)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
TAG = re.compile(r"<[^>]*>")
APOSTROPHE = re.compile(r"(?<=[A-Za-z])'(?=[A-Za-z])|(?<=s)'(?=\s|$)")


def _parse_fold(block: mistune.BlockParser, match: re.Match[str], state: mistune.BlockState) -> int:
    inside = state.child_state(match["folded"])
    block.parse(inside)
    summary = visible(unescape(TAG.sub("", match["summary"] or "More"))).strip()
    state.append_token({"type": "fold", "attrs": {"summary": summary}, "children": inside.tokens})
    return match.end()


def _folds(markdown: mistune.Markdown) -> None:
    markdown.block.register("fold", FOLD, _parse_fold, before="raw_html")


_parse = mistune.create_markdown(renderer=None, plugins=["table", "strikethrough", "url", _folds])  # type: ignore[list-item]


def parse(source: str) -> list[Token]:
    """Read Markdown as block tokens, in which no HTML is left and no character is hidden."""
    tokens: Any = _parse(source)
    return list(_clean(tokens))


def _clean(tokens: Iterable[Token]) -> Iterator[Token]:
    for token in tokens:
        kind, raw = token["type"], token.get("raw", "")
        if kind.endswith("_html"):
            raw = COMMENT.sub("", raw).strip()
            token = {"type": "linebreak"} if re.fullmatch(r"<br\s*/?>", raw) else {"type": "text", "raw": raw}
            if kind == "block_html":
                token = {"type": "paragraph", "children": [token]}
        if kind == "blank_line" or (kind.endswith("_html") and not raw):
            continue
        if "raw" in token:
            is_text = token["type"] == "text"
            token["raw"] = visible(curly(unescape(token["raw"])) if is_text else token["raw"].rstrip("\n"))
        if "children" in token:
            token["children"] = list(_clean(token["children"]))
        yield token


def curly(words: str) -> str:
    """Set apostrophes as a printer does; quotation marks, which may belong to data, stay as they are."""
    return APOSTROPHE.sub("\N{RIGHT SINGLE QUOTATION MARK}", words)


def walk(tokens: Iterable[Token]) -> Iterator[Token]:
    """Visit every token, in reading order."""
    for token in tokens:
        yield token
        yield from walk(token.get("children", ()))


def plain(tokens: Iterable[Token]) -> str:
    """Read the words of tokens."""
    return "".join(token.get("raw", " " if token["type"].endswith("break") else "") for token in walk(tokens))
