"""SVG drawings: the same bytes every time, harmless, and fitted for the page they go on."""

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.paths import ROOT

TEMPLATE = ROOT / "report" / "template"
FONT = "Arimo"  # what the report ships; Arial, Helvetica and Liberation Sans have the same widths
CHART = 'data-made-by="matplotlib"'
SCREEN_FONTS = f"{FONT}, Arial, 'Liberation Sans', Helvetica, sans-serif"

_PROLOGUE = re.compile(r"^\ufeff?\s*(?:<\?xml.*?\?>\s*|<!DOCTYPE.*?>\s*|<!--.*?-->\s*)*", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>\s*", re.DOTALL)
_FONT_FAMILY = re.compile(r"(font:\s*[^;\"]*?\b[\d.]+px\s*|font-family:\s*|font-family=\")([^;\"}]+)")
_MONOSPACE = re.compile(r"mono|courier|consolas|menlo", re.IGNORECASE)
_FORBIDDEN = re.compile(
    r"<script\b|\son\w+\s*=|<foreignObject\b|(?:href|src)\s*=\s*[\"']\s*(?!#|data:)|@import\b|url\(\s*['\"]?\s*(?!#|data:)",
    re.IGNORECASE,
)
_MEDIA = re.compile(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
_VARIABLE = re.compile(r"var\(--[\w-]+\s*,\s*([^()]*)\)")


@contextmanager
def style() -> Iterator[None]:
    """Draw matplotlib figures in the report's one style, whatever a person's own settings are: `with style(): ...`."""
    import fontpkg_arimo
    from matplotlib import font_manager
    from matplotlib import pyplot as plt

    for font in sorted((Path(fontpkg_arimo.__file__).parent / "files").glob("*.ttf")):
        font_manager.fontManager.addfont(str(font))
    with plt.style.context(TEMPLATE / "figures.mplstyle", after_reset=True):
        yield


def from_drawing(drawing: Any) -> str:
    """Read a drawing as SVG text: a matplotlib figure, SVG text, the path of a file, or what shows itself as SVG."""
    if hasattr(drawing, "savefig"):
        return _from_matplotlib(drawing)
    if isinstance(drawing, Path):
        drawing = drawing.read_text("utf-8")
    for shows in ("_repr_svg_", "_repr_image_svg_xml"):  # the second one is graphviz'
        drawing = getattr(drawing, shows)() if hasattr(drawing, shows) else drawing
    if not isinstance(drawing, str) or "<svg" not in drawing:
        raise UserError(f"figure() wants a matplotlib figure, SVG text or the path of an SVG, not {type(drawing)}")
    return clean(drawing)


def _from_matplotlib(figure: Any) -> str:
    """Draw a figure, ticks included, in the style; and close it, so that Jupyter does not show it twice."""
    from matplotlib import pyplot as plt

    out = StringIO()
    with style(), plt.rc_context({"svg.hashsalt": "inventory", "svg.fonttype": "none"}):
        figure.savefig(out, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    return clean(_METADATA.sub("", out.getvalue())).replace("<svg", f"<svg {CHART}", 1)


def clean(svg: str) -> str:
    """Leave the `<svg>` alone: no prologue, and nothing that runs or loads."""
    svg = _PROLOGUE.sub("", svg).strip()
    if forbidden := _FORBIDDEN.search(svg):
        raise UserError(f"a drawing may not run or load anything, but one has {forbidden[0].strip()!r}")
    return svg


def with_fonts(svg: str, sans: str, mono: str) -> str:
    """Write all text of a drawing in the report's fonts."""
    return _FONT_FAMILY.sub(lambda match: match[1] + (mono if _MONOSPACE.search(match[2]) else sans), svg)


def for_screen(svg: str, dark_style: str = "") -> str:
    """Fit a drawing for a page that may be dark; one with its own dark colours keeps them."""
    svg = with_fonts(svg, SCREEN_FONTS, "'DejaVu Sans Mono', Menlo, Consolas, monospace")
    if not dark_style or knows_dark(svg) or not is_chart(svg):
        return svg
    start = svg.index(">", svg.index("<svg")) + 1
    return f"{svg[:start]}<style>{dark_style}</style>{svg[start:]}"


def for_paper(svg: str) -> str:
    """Fit a drawing for print: light, in the fonts that the PDF embeds."""
    return with_fonts(_VARIABLE.sub(r"\1", _MEDIA.sub("", svg)), FONT, "DejaVu Sans Mono")


def knows_dark(svg: str) -> bool:
    """Say whether a drawing brings its own colours for a dark page."""
    return "prefers-color-scheme" in svg


def is_chart(svg: str) -> bool:
    """Say whether matplotlib drew it in our style, so that the report can give it dark colours."""
    return CHART in svg


def data_uri(data: bytes, mime: str = "image/svg+xml") -> str:
    """Write a picture as an address that needs no network."""
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"
