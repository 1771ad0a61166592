"""What a notebook shows through these helpers comes back in the report: figures, tables, code and checks.

Each helper displays one output in several forms: HTML for JupyterLab and code-hosting sites, the picture or the whole
text for whatever exports notebooks, and data for our own report. It is the same on every run of the same notebook: no
clock, no id, no memory address.
"""

import inspect
import re
from html import escape
from numbers import Integral
from pathlib import Path
from typing import Any

from IPython.display import DisplayHandle, display

from pipeline.errors import UserError
from pipeline.notebook import listing, svg, tables
from pipeline.notebook.svg import style
from pipeline.paths import ROOT
from pipeline.safe_text import visible

__all__ = ["Shown", "check", "code", "figure", "sentence", "style", "table"]

CHECK, FIGURE, LISTING, SENTENCE, TABLE = (
    f"application/vnd.inventory.{kind}+json" for kind in ("check", "figure", "listing", "sentence", "table")
)
COMPUTED = "a formula"  # where a check's number is from, if it was neither measured nor read
LANGUAGES = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".json": "json", ".sh": "bash", ".dot": "dot"}

_CAPTION = '<figcaption style="font-size:0.9em;opacity:0.8;margin-top:0.4em;text-align:left">{}</figcaption>'


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
    image = (
        f'<img src="{svg.data_uri(picture.encode())}" alt="{escape(visible(alt))}" '
        'style="max-width:100%;background:#fff">'
    )
    return {
        "text/html": f'<figure style="margin:1em 0">{image}{_CAPTION.format(tables.in_page(caption))}</figure>',
        "image/svg+xml": picture,
        "text/plain": f"Figure: {visible(caption)}",
        FIGURE: {"caption": caption, "alt": alt},
    }


def table(frame: Any, caption: str = "", *, index: bool | None = None, rows: int = 40) -> None:
    """Show a data frame as a table: escaped, with the characters that hide made visible. Only numbers stand right.

    Args:
        frame: a data frame or a series. Whole numbers get separators, `1234567` becomes `1,234,567`.
        caption: what the table shows; with a caption it is numbered, and says how many rows are left out.
        index: whether to show the index; by default only one that has a name.
        rows: more rows than this are shortened to the first and last ones.
    """
    frame = frame.to_frame() if hasattr(frame, "to_frame") and frame.ndim == 1 else frame
    index = bool(any(frame.index.names)) if index is None else index
    if len(frame) > rows:
        caption = f"{caption} Shown are {rows // 2 * 2} of {len(frame):,} rows.".strip()
    safe = frame.rename(columns=_safe).map(_safe)
    safe.index = safe.index.map(_safe) if index and safe.index.nlevels == 1 else safe.index
    page = safe.to_html(index=index, border=0, max_rows=rows, show_dimensions=False, index_names=index)
    heading = _CAPTION.format(tables.in_page(caption)) if caption else ""
    body = "".join(map(tables.written, tables.parse(page)))
    bundle = {
        "text/html": f'<figure style="margin:1em 0;overflow-x:auto">{heading}{body}</figure>',
        "text/plain": f"{visible(caption)}\n{safe.to_string(index=index, max_rows=rows)}".strip("\n"),
        TABLE: {"caption": caption},
    }
    display(bundle, raw=True)


def _safe(value: Any) -> Any:
    if isinstance(value, Integral) and not isinstance(value, bool):
        return f"{value:,}"
    return visible(value) if isinstance(value, str) else value


def code(source: Any, caption: str = "", *, language: str = "") -> None:
    """Show source code as it stands in the repository.

    Args:
        source: a path (relative ones start at the repository's root), also with `#` and the name of a resource of a
            template; or a function, class or module.
        caption: what the code does, in a sentence.
        language: for the colours; by default told from the file's name.
    """
    path, first_line, body = _source_of(source)
    place = path.resolve().relative_to(ROOT).as_posix() if path.resolve().is_relative_to(ROOT) else path.name
    language = language or LANGUAGES.get(path.suffix, "text")
    bundle = {
        "text/html": listing.page(body, place, caption, language),
        "text/plain": f"{place}, from line {first_line}. {visible(caption)}".strip() + f"\n\n{body}",
        LISTING: {"caption": caption, "path": place, "first_line": first_line, "language": language, "source": body},
    }
    display(bundle, raw=True)


def _resource(lines: list[str], name: str) -> tuple[int, int]:
    """Find a resource of a template, with the comment above it: it ends at a blank line."""
    if f"  {name}:" not in lines:
        raise UserError(f"there is no resource {name} to show")
    first = end = lines.index(f"  {name}:")
    while lines[first - 1].lstrip().startswith("#") and "──" not in lines[first - 1]:
        first -= 1
    while end < len(lines) and lines[end]:
        end += 1
    return first, end


def _source_of(source: Any) -> tuple[Path, int, str]:
    if isinstance(source, str | Path):
        name, _, part = str(source).partition("#")
        path = ROOT / name
        if not path.is_file():
            raise UserError(f"there is no file {source} to show")
        lines = path.read_text("utf-8").rstrip("\n").split("\n")
        first, end = _resource(lines, part) if part else (0, len(lines))
        return path, first + 1, visible("\n".join(lines[first:end]))
    lines, first_line = inspect.getsourcelines(source)
    return Path(inspect.getsourcefile(source) or "?"), max(1, first_line), visible("".join(lines).rstrip("\n"))


def sentence(text: str, **values: Any) -> None:
    """Show a sentence with values of this run in it; in the report each leads back to the cell that computed it.

    Args:
        text: Markdown, with each value's name in braces.
        values: the values by name. Whole numbers get separators.
    """
    shown = {name: visible(str(_safe(value))) for name, value in values.items()}
    in_markdown = {name: re.sub(r"([\\`*_{}\[\]<>#|$~])", r"\\\1", value) for name, value in shown.items()}
    bundle = {
        "text/markdown": text.format(**in_markdown),
        "text/plain": text.format(**shown),
        SENTENCE: {"text": text, "values": shown},
    }
    display(bundle, raw=True)


def check(requirement_id: str, claim: str, passed: Any, figure: Any = "", *, source: str = "") -> None:
    """Record a check against a requirement of `report/deliverables.yaml`, and show it.

    It does not raise: the report shows a failed check in red and fails after it is written. Assert besides, where the
    notebook cannot go on.

    Args:
        requirement_id: the `id` in `report/deliverables.yaml`.
        claim: what was checked, as a sentence that is true when it passed.
        passed: whether it held.
        figure: the number that backs it, such as "5,000 records, 0 discrepancies".
        source: the file that it was read from, or `COMPUTED`; only what this run measured gets a tick.
    """
    held, number = bool(passed), visible(str(figure))
    mark, colour = mark_of(held, source)
    words = visible(claim) + (f" ({number})" if number else "")
    page = (
        f'<p style="border-left:4px solid {colour};padding-left:0.7em;margin:0.6em 0">'
        f'<b style="color:{colour}">{mark}</b> {escape(words)}</p>'
    )
    bundle = {
        "text/html": page,
        "text/plain": f"{mark}: {words}",
        CHECK: {"requirement": requirement_id, "claim": claim, "passed": held, "figure": number, "source": source},
    }
    display(bundle, raw=True)


def mark_of(passed: bool, source: str) -> tuple[str, str]:
    """Say how a check is marked, and in which colour: a tick only for what this run measured."""
    if not passed:
        return "✗ Failed", "#b3261e"
    if source:
        return "Computed" if source == COMPUTED else f"Read from {source}", "#5a636b"
    return "✓ Checked", "#00735c"
