"""A cell's outputs → nodes: checks, figures, listings and tables first, then whatever says the same in plain text."""

import base64
from collections.abc import Callable
from typing import Any

from pipeline.errors import UserError
from pipeline.notebook import svg, tables
from pipeline.notebook.show import MIME, picture_in
from pipeline.report.markdown import parse
from pipeline.report.model import Node, code_block
from pipeline.safe_text import shorten, terminal, visible


def nodes(outputs: list[Any]) -> list[Node]:
    """Turn the outputs of one cell into nodes, in order; what was printed in pieces is joined."""
    out: list[Node] = []
    for output in outputs:
        if output["output_type"] == "stream":
            _stream(output, out)
        elif output["output_type"] == "error":
            out.append(_error(output))
        else:
            out.extend(_bundle(output["data"]))
    for node in out:
        if node["type"] == "output":
            node["text"] = shorten(terminal(node["text"]))
    return [node for node in out if node["type"] != "output" or node["text"].strip()]


def _stream(output: Any, out: list[Node]) -> None:
    printed, name = _joined(output["text"]), output["name"]
    if out and out[-1]["type"] == "output" and out[-1]["stream"] == name:
        out[-1]["text"] += printed
    else:
        out.append({"type": "output", "stream": name, "text": printed})


def _error(output: Any) -> Node:
    trace = shorten(terminal("\n".join(output.get("traceback", []))), 30)
    return {
        "type": "error",
        "name": visible(output["ename"]),
        "message": terminal(output["evalue"]),
        "trace": trace,
    }


def _bundle(data: Any) -> list[Node]:
    """Take the richest form that the report can show."""
    for mime, read in READERS.items():
        if mime in data and (found := read(data)):
            return found
    return []


def _check(data: Any) -> list[Node]:
    held = data[MIME.format("check")]
    return [
        {
            "type": "check",
            "requirement": str(held["requirement"]),
            "claim": visible(str(held["claim"])),
            "passed": held["passed"] is True,
            "figure": visible(str(held["figure"])),
        }
    ]


def _figure(data: Any) -> list[Node]:
    said = data[MIME.format("figure")]
    return [picture(picture_in(_joined(data["text/html"])), said["alt"], said["caption"])]


def picture(drawing: str, alt: str, caption: str = "") -> Node:
    """Make a figure of an SVG."""
    return {"type": "figure", "svg": svg.clean(drawing), "alt": visible(alt), "caption": visible(caption)}


def _svg(data: Any) -> list[Node]:
    try:
        return [picture(_joined(data["image/svg+xml"]), _alt(data))]
    except UserError:
        return []


def _png(data: Any) -> list[Node]:
    raw = base64.b64decode(_joined(data["image/png"]))
    return [{"type": "figure", "png": raw, "alt": _alt(data), "caption": ""}]


def _alt(data: Any) -> str:
    said = _joined(data.get("text/plain", ""))
    return "Drawing" if not said or said.startswith("<") else visible(said)


def _listing(data: Any) -> list[Node]:
    said = data[MIME.format("listing")]
    return [
        {
            "type": "listing",
            "source": said["source"],
            "language": said["language"],
            "path": said["path"],
            "first_line": said["first_line"],
            "caption": visible(said["caption"]),
        }
    ]


def _html(data: Any) -> list[Node]:
    caption = data.get(MIME.format("table"), {}).get("caption", "")
    return list(tables.parse(_joined(data["text/html"]), visible(caption)))


def _markdown(data: Any) -> list[Node]:
    return parse(_joined(data["text/markdown"]))


def _json(data: Any) -> list[Node]:
    import json

    pretty = json.dumps(data["application/json"], indent=2, ensure_ascii=False, sort_keys=True)
    return [code_block(shorten(visible(pretty)), "json")]


def _plain(data: Any) -> list[Node]:
    return [{"type": "output", "stream": "result", "text": _joined(data["text/plain"])}]


READERS: dict[str, Callable[[Any], list[Node]]] = {
    MIME.format("check"): _check,
    MIME.format("figure"): _figure,
    MIME.format("listing"): _listing,
    "image/svg+xml": _svg,
    "image/png": _png,
    "text/html": _html,
    "text/markdown": _markdown,
    "application/json": _json,
    "text/plain": _plain,
}


def _joined(value: Any) -> str:
    return value if isinstance(value, str) else "".join(value)
