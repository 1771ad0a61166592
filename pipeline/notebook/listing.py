"""Source code as a notebook shows it: lines never wrap, they scroll; coloured as JupyterLab's own editor is."""

from html import escape

from pygments import lex
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, Literal, Number, Operator, String, _TokenType
from pygments.util import ClassNotFound

FOLD_FROM = 25  # lines: longer listings are folded in a notebook
COLOURS: dict[_TokenType, str] = {
    Comment: "comment", Keyword: "keyword", Operator.Word: "keyword", Number: "number", String: "string",
    Literal.Scalar: "string",
}  # fmt: skip
NO_WRAP = "white-space:pre;overflow-wrap:normal"


def page(body: str, place: str, caption: str, language: str) -> str:
    """Write a listing as HTML: the place it is from, what it does, and its lines. Long ones are folded."""
    title = f"<code>{escape(place)}</code>" + (f" · {escape(caption)}" if caption else "")
    lines = f'<code style="{NO_WRAP}">{_coloured(body, language)}</code>'
    block = f'<pre style="{NO_WRAP};overflow-x:auto;margin:0.4em 0">{lines}</pre>'
    if body.count("\n") < FOLD_FROM:
        return f"<p>{title}</p>{block}"
    return f"<details><summary>{title}</summary>{block}</details>"


def _coloured(body: str, language: str) -> str:
    """Colour code by JupyterLab's variables, which follow its theme; elsewhere it has the colour of the text."""
    try:
        tokens = lex(body, get_lexer_by_name(language, stripnl=False, ensurenl=False))
    except ClassNotFound:
        return escape(body)
    return "".join(_token(kind, text) for kind, text in tokens)


def _token(kind: _TokenType, text: str) -> str:
    colour = next((name for known, name in COLOURS.items() if kind in known), "")
    if not colour or not text.strip():
        return escape(text)
    return f'<span style="color:var(--jp-mirror-editor-{colour}-color,inherit)">{escape(text)}</span>'
