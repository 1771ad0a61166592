"""SVG drawings: made deterministic from matplotlib, and fitted for the page they go on."""

import base64
import re
from io import StringIO
from pathlib import Path
from typing import Any

from pipeline.errors import UserError

FONT = "Arimo"  # what the report ships; Arial, Helvetica and Liberation Sans have the same widths
SCREEN_FONTS = f"{FONT}, Arial, 'Liberation Sans', Helvetica, sans-serif"

_PROLOGUE = re.compile(r"^\ufeff?\s*(?:<\?xml.*?\?>\s*|<!DOCTYPE.*?>\s*|<!--.*?-->\s*)*", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>\s*", re.DOTALL)
_FONT_SHORTHAND = re.compile(r"(font:\s*[^;\"]*?\b[\d.]+px)\s*[^;\"]+")
_FONT_FAMILY_CSS = re.compile(r"font-family:\s*[^;\"}]+")
_FONT_FAMILY_ATTRIBUTE = re.compile(r'font-family="[^"]*"')
_MONOSPACE = re.compile(r"mono|courier|consolas|menlo", re.IGNORECASE)
_FORBIDDEN = re.compile(r"<script\b|\son\w+\s*=|<foreignObject\b|(?:href|src)\s*=\s*[\"']\s*(?!#|data:)", re.IGNORECASE)
_REMOTE_CSS = re.compile(r"@import\b|url\(\s*['\"]?\s*(?!#|data:)", re.IGNORECASE)
_MEDIA = re.compile(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
_VARIABLE = re.compile(r"var\(--[\w-]+\s*,\s*([^()]*)\)")


def from_drawing(drawing: Any) -> str:
    """Read a drawing as SVG text: a matplotlib figure, SVG text, the path of an SVG file, or graphviz' own objects."""
    if hasattr(drawing, "savefig"):
        return _from_matplotlib(drawing)
    if isinstance(drawing, Path):
        drawing = drawing.read_text("utf-8")
    elif hasattr(drawing, "_repr_svg_"):
        drawing = drawing._repr_svg_()
    elif hasattr(drawing, "_repr_image_svg_xml"):
        drawing = drawing._repr_image_svg_xml()
    elif hasattr(drawing, "data") and isinstance(drawing.data, str):
        drawing = drawing.data
    if not isinstance(drawing, str) or "<svg" not in drawing:
        raise UserError(f"figure() wants a matplotlib figure, SVG text or the path of an SVG, not {type(drawing)}")
    return clean(drawing)


def _from_matplotlib(figure: Any) -> str:
    """Draw a figure as the same bytes every time, and close it, so that Jupyter does not show it twice."""
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    out = StringIO()
    with mpl.rc_context({"svg.hashsalt": "inventory", "svg.fonttype": "none"}):
        figure.savefig(out, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    return clean(_METADATA.sub("", out.getvalue())).replace("<svg ", '<svg data-made-by="matplotlib" ', 1)


def clean(svg: str) -> str:
    """Leave the `<svg>` alone: no prologue, and nothing that runs or loads."""
    svg = _PROLOGUE.sub("", svg).strip()
    if found := _FORBIDDEN.search(svg) or _REMOTE_CSS.search(svg):
        raise UserError(f"a drawing may not run or load anything, but one has {found[0].strip()!r}")
    return svg


def with_fonts(svg: str, sans: str, mono: str) -> str:
    """Write all text of a drawing in the report's fonts."""

    def family(found: re.Match[str]) -> str:
        return mono if _MONOSPACE.search(found[0]) else sans

    svg = _FONT_SHORTHAND.sub(lambda found: f"{found[1]} {family(found)}", svg)
    svg = _FONT_FAMILY_CSS.sub(lambda found: f"font-family: {family(found)}", svg)
    return _FONT_FAMILY_ATTRIBUTE.sub(lambda found: f'font-family="{family(found)}"', svg)


def for_screen(svg: str, dark_style: str = "") -> str:
    """Fit a drawing for a page that may be dark; one with its own dark colours keeps them."""
    svg = with_fonts(svg, SCREEN_FONTS, "'DejaVu Sans Mono', Menlo, Consolas, monospace")
    if knows_dark(svg) or 'data-made-by="matplotlib"' not in svg or not dark_style:
        return svg
    start = svg.index(">", svg.index("<svg")) + 1
    return f"{svg[:start]}<style>{dark_style}</style>{svg[start:]}"


def for_paper(svg: str) -> str:
    """Fit a drawing for print: light, in the fonts that the PDF embeds."""
    light = _VARIABLE.sub(r"\1", _MEDIA.sub("", svg))
    return with_fonts(light, FONT, "DejaVu Sans Mono")


def knows_dark(svg: str) -> bool:
    """Say whether a drawing brings its own colours for a dark page."""
    return "prefers-color-scheme" in svg


def data_uri(data: bytes, mime: str = "image/svg+xml") -> str:
    """Write a picture as an address that needs no network."""
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"


def size(svg: str) -> tuple[float, float] | None:
    """Read width and height in points, if the drawing says them."""
    tag = svg[svg.index("<svg") : svg.index(">", svg.index("<svg"))]
    found = {name: re.search(rf'\b{name}="([\d.]+)(pt|px|)"', tag) for name in ("width", "height")}
    if all(found.values()):
        width, height = (float(m[1]) * (0.75 if m[2] in ("px", "") else 1) for m in found.values() if m)
        return width, height
    if box := re.search(r'viewBox="\s*[-\d.]+[\s,]+[-\d.]+[\s,]+([\d.]+)[\s,]+([\d.]+)', tag):
        return float(box[1]) * 0.75, float(box[2]) * 0.75
    return None
