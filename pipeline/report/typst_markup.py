"""Tokens as Typst markup, in which all text is a string literal: no text can be taken for a command."""

import base64
from collections.abc import Mapping
from typing import Any

import mistune
from markupsafe import Markup

from pipeline.notebook import svg
from pipeline.notebook.tables import Token
from pipeline.report.markdown import plain

State = mistune.BlockState


def blocks(tokens: list[Token]) -> Markup:
    """Write block tokens."""
    return Markup(Typst().render_tokens(tokens, State()))


def literal(value: Any) -> Markup:
    """Write a value as Typst does; what is markup already stays so."""
    match value:
        case Markup():
            return value
        case str():
            return Markup('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"')
        case None | bool():
            return Markup({None: "none", True: "true", False: "false"}[value])
        case int() | float():
            return Markup(value)
        case Mapping():
            inside = "".join(f"{literal(name)}: {literal(item)}, " for name, item in value.items())
            return Markup(f"({inside or ':'})")
    return Markup("(" + "".join(f"{literal(item)}, " for item in value) + ")")


def _call(token: Token, content: str = "", **arguments: Any) -> str:
    """Write a call of the function in style.typ that stands for a kind of token."""
    given = [f"{name}: {literal(value)}" for name, value in {**token.get("attrs", {}), **arguments}.items()]
    return f"#md-{token['type'].replace('_', '-')}({', '.join(given)}){content};"


def picture(data: Mapping[str, str]) -> str | bytes:
    """Take a drawing as it goes on paper, or a picture, for Typst's `bytes`."""
    if drawing := data.get("image/svg+xml"):
        return svg.for_paper(drawing)
    return base64.b64decode(data["image/png"])


FILTERS = {"blocks": blocks, "picture": picture}


class Typst(mistune.BaseRenderer):
    """Each token as a call, and what it holds as a content block behind it."""

    NAME = "typst"

    def render_token(self, token: Token, state: State) -> str:
        if special := getattr(self, token["type"], None):
            return str(special(token, state))
        words = {"words": token["raw"]} if "raw" in token else {}
        return _call(token, self.list_item(token, state) if "children" in token else "", **words)

    def text(self, token: Token, state: State) -> str:
        return f"#{literal(token['raw'])};"

    def softbreak(self, token: Token, state: State) -> str:
        return " "

    def block_text(self, token: Token, state: State) -> str:
        return self.render_tokens(token["children"], state)

    def list_item(self, token: Token, state: State) -> str:
        return f"[{self.render_tokens(token['children'], state)}]"

    def list(self, token: Token, state: State) -> str:
        apart = "\n\n"  # or Typst would set the list as a part of the paragraph before it
        return apart + _call(token, self.render_tokens(token["children"], state), tight=token["tight"])

    def table(self, token: Token, state: State) -> str:
        head, body = token["children"]
        rows = [[self._cell(cell, state) for cell in row["children"]] for row in (head, *body["children"])]
        return _call(token, rows=rows)

    def _cell(self, cell: Token, state: State) -> dict[str, Any]:
        body, length = Markup(self.list_item(cell, state)), len(plain(cell["children"]))
        return {"colspan": 1, "rowspan": 1, **cell["attrs"], "body": body, "length": length}
