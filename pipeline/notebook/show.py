"""What a notebook shows through us comes back in the report: figures, tables, code and checks.

Each helper displays one output that reads well in JupyterLab and on a code-hosting site, carries the same content as
data for the report, and is the same on every run of the same notebook: no clock, no id, no memory address.
"""

import base64
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from numbers import Integral
from pathlib import Path
from typing import Any

from IPython.display import DisplayHandle, display

from pipeline.errors import UserError
from pipeline.notebook import listing, svg, tables
from pipeline.paths import ROOT
from pipeline.safe_text import visible

TEMPLATE = ROOT / "report" / "template"
MIME = "application/vnd.inventory.{}+json"
LANGUAGES = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".json": "json", ".sh": "bash", ".dot": "dot"}

_CAPTION = 'style="font-size:0.9em;opacity:0.8;margin-top:0.4em;text-align:left"'


class Shown:
    """A figure that is on the page; `update` draws it anew in the same place."""

    def __init__(self, handle: DisplayHandle | None, caption: str, alt: str) -> None:
        self._handle, self._caption, self._alt = handle, caption, alt

    def update(self, drawing: Any, caption: str | None = None) -> None:
        """Replace the drawing, and the caption if one is given."""
        self._caption = caption or self._caption
        if self._handle:
            self._handle.update(_figure_bundle(drawing, self._caption, self._alt), raw=True)

    def __repr__(self) -> str:
        """Stay silent as a cell's last expression."""
        return ""

    def _ipython_display_(self) -> None:
        """Show nothing more: the figure is on the page already."""


def figure(drawing: Any, caption: str, alt: str) -> Shown:
    """Show a numbered figure.

    Args:
        drawing: a matplotlib figure (which is closed), SVG text, the path of an SVG, or anything with `_repr_svg_`.
        caption: one or two sentences that state the finding. The number is added by the report.
        alt: what the picture shows, for a reader who does not see it.

    Returns:
        The figure on the page, to `update` while events stream.
    """
    if not caption.strip() or not alt.strip():
        raise UserError("a figure needs a caption and an alt text")
    handle = display(_figure_bundle(drawing, caption, alt), raw=True, display_id=True)
    return Shown(handle, caption, alt)


def _figure_bundle(drawing: Any, caption: str, alt: str) -> dict[str, Any]:
    picture = svg.for_screen(svg.from_drawing(drawing))
    page = (
        f'<figure style="margin:1em 0"><img src="{svg.data_uri(picture.encode())}" alt="{escape(visible(alt))}" '
        f'style="max-width:100%;background:#fff">'
        f"<figcaption {_CAPTION}>{tables.in_page(visible(caption))}</figcaption></figure>"
    )
    data = {"caption": caption, "alt": alt}
    return {"text/html": page, "text/plain": f"Figure: {caption}", MIME.format("figure"): data}


def picture_in(page: str) -> str:
    """Read the SVG back out of what `figure` displayed."""
    start = page.index("base64,") + len("base64,")
    return base64.b64decode(page[start : page.index('"', start)]).decode()


def table(frame: Any, caption: str = "", *, index: bool | None = None, rows: int = 40) -> None:
    """Show a data frame as a table: escaped, with the characters that hide made visible. Only numbers stand right.

    Whole numbers get separators; and where rows are left out, the caption says so.

    Args:
        frame: a pandas DataFrame or Series.
        caption: what the table says; with one, the report numbers the table.
        index: show the index; by default when it has a name.
        rows: most rows to show, half of them from the end when there are more.
    """
    frame = frame.to_frame() if hasattr(frame, "to_frame") and frame.ndim == 1 else frame
    index = bool(any(frame.index.names)) if index is None else index
    caption = _with_count(caption, rows // 2 * 2, len(frame)) if len(frame) > rows else caption
    safe = frame.rename(columns=_safe).map(_safe)
    safe.index = safe.index.map(_safe) if index and safe.index.nlevels == 1 else safe.index
    html = safe.to_html(index=index, border=0, max_rows=rows, show_dimensions=False, index_names=index)
    html = "".join(map(tables.written, tables.parse(html)))
    heading = f"<figcaption {_CAPTION}>{tables.in_page(visible(caption))}</figcaption>" if caption else ""
    bundle = {
        "text/html": f'<figure style="margin:1em 0;overflow-x:auto">{heading}{html}</figure>',
        "text/plain": safe.to_string(index=index, max_rows=rows),
        MIME.format("table"): {"caption": caption},
    }
    display(bundle, raw=True)


def _safe(value: Any) -> Any:
    if isinstance(value, Integral) and not isinstance(value, bool):
        return f"{value:,}"
    return visible(value) if isinstance(value, str) else value


def _with_count(caption: str, shown: int, of: int) -> str:
    return f"{caption} Shown are {shown} of {of:,} rows.".strip()


def code(source: Any, caption: str = "", *, language: str = "") -> None:
    """Show source code as it stands in the repository.

    Args:
        source: a path (relative ones start at the repository's root), or a function, class or module.
        caption: what the code does, in a sentence.
        language: for the colours; by default told from the file's name.
    """
    path, first_line, lines = _source_of(source)
    place = path.resolve().relative_to(ROOT).as_posix() if path.resolve().is_relative_to(ROOT) else path.name
    language = language or LANGUAGES.get(path.suffix, "text")
    body = visible("".join(lines).rstrip("\n"))
    data = {"caption": caption, "path": place, "first_line": first_line, "language": language, "source": body}
    bundle = {
        "text/html": listing.page(body, place, caption, language),
        "text/plain": f"{place}, {len(lines)} lines from line {first_line}",
        MIME.format("listing"): data,
    }
    display(bundle, raw=True)


def _source_of(source: Any) -> tuple[Path, int, list[str]]:
    if isinstance(source, str | Path):
        path = ROOT / source
        if not path.is_file():
            raise UserError(f"there is no file {source} to show")
        return path, 1, path.read_text("utf-8").splitlines(keepends=True)
    lines, first = inspect.getsourcelines(source)
    return Path(inspect.getsourcefile(source) or "?"), max(1, first), lines


def check(requirement_id: str, claim: str, passed: Any, figure: Any = "") -> None:
    """Record a check of this run against a requirement of `report/deliverables.yaml`, and show it.

    It does not raise: the report shows a failed check in red and fails after it is written. Assert besides, where the
    notebook cannot go on.

    Args:
        requirement_id: the `id` in `report/deliverables.yaml`.
        claim: what was checked, as a sentence that is true when it passed.
        passed: whether it held.
        figure: the number that backs it, such as "5,000 records, 0 discrepancies".
    """
    held, number = bool(passed), visible(str(figure))
    mark, colour, word = ("✓", "#00735c", "Checked") if held else ("✗", "#b3261e", "Failed")
    tail = f" ({number})" if number else ""
    page = (
        f'<p style="border-left:4px solid {colour};padding-left:0.7em;margin:0.6em 0">'
        f'<b style="color:{colour}">{mark} {word}</b> {escape(visible(claim))}{escape(tail)}</p>'
    )
    data = {"requirement": requirement_id, "claim": claim, "passed": held, "figure": number}
    bundle = {
        "text/html": page,
        "text/plain": f"{mark} {word}: {visible(claim)}{tail}",
        MIME.format("check"): data,
    }
    display(bundle, raw=True)


@contextmanager
def style() -> Iterator[None]:
    """Draw matplotlib figures in the report's one style: `with style(): ...`."""
    import fontpkg_arimo
    from matplotlib import font_manager
    from matplotlib import pyplot as plt

    for font in sorted((Path(fontpkg_arimo.__file__).parent / "files").glob("*.ttf")):
        font_manager.fontManager.addfont(str(font))
    with plt.style.context(TEMPLATE / "figures.mplstyle"):
        yield
