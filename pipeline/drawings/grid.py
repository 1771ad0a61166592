"""How the diagrams look: cards on a grid, arrows between them, in bands. Written as DOT, drawn as SVG.

The palette is safe for the colour-blind (Okabe and Ito's hues, darkened until small letters read well), and it has a
dark twin: the SVG brings its own paper and changes it with the reader's screen. In print it is always light.
"""

import re
import subprocess
import sysconfig
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path
from shutil import which
from textwrap import wrap

import graphviz

INK, MUTED, LINE = "#1f2933", "#56626d", "#b4bec7"
CARD, BAND, FAILURE_BAND = "#ffffff", "#edf2f6", "#fbf0e7"
FLOW, APPLIED, FAILURE = "#0b5c8e", "#00694e", "#b84a00"
PAPER = "white"  # by its name, so that it differs from CARD
DARK = {
    INK: "#e8ebee", MUTED: "#a9b4bd", LINE: "#55616c", CARD: "#262f38", BAND: "#1b222a", FAILURE_BAND: "#2c2118",
    FLOW: "#6fbbe8", APPLIED: "#4fc7a0", FAILURE: "#f2964f", PAPER: "#0d1117",
}  # fmt: skip
FONTS = "Arimo, Arial, Helvetica, Liberation Sans, sans-serif"  # letters of the same width in each
STRAIGHT = "500"  # the weight of what should stand in one column


@dataclass(frozen=True)
class Cell:
    """One place of the grid: a card, words, or nothing."""

    name: str
    label: str  # what `card`, `words` or `blank` return
    band: str = ""


@dataclass(frozen=True)
class Arrow:
    """From one cell to another, with words beside it."""

    source: str
    target: str
    lines: Sequence[str] = ()
    colour: str = FLOW
    dashed: bool = False
    head: bool = True
    at_tail: bool = False  # the words stand where the arrow starts, and take no room of their own
    sideways: bool = (
        False  # it leaves to the right and arrives from the left, in another row too: its words stand there
    )


@dataclass(frozen=True)
class Band:
    """The shaded ground that cells of one kind stand on."""

    title: str
    colour: str = MUTED
    fill: str = BAND


def card(title: str, kicker: str, lines: Iterable[str], facts: Iterable[str], colour: str, width: int) -> str:
    """Set a card: a bar in its colour, what it is, its name, what it does, its settings."""
    text = [styled(kicker, 9, colour, bold=True), styled(title, 12, INK, bold=True)]
    text += [styled(line, 9, INK) for line in lines]
    settings = [styled(fact, 9, MUTED) for fact in facts]
    rows = "".join(f"<TR>{_column(column)}</TR>" for column in (text, settings) if column)
    return (
        f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" BGCOLOR="{CARD}"><TR>'
        f'<TD BGCOLOR="{colour}" WIDTH="4"></TD>'
        f'<TD BORDER="1" SIDES="TRB" COLOR="{LINE}" WIDTH="{width - 4}" CELLPADDING="4">'
        f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">{rows}</TABLE></TD></TR></TABLE>>'
    )


def small_card(kind: str, name: str, colour: str) -> str:
    """Set a card of a sketch: a bar in its colour, what it is, and its name."""
    lines = [
        *(styled(line, 12, INK, bold=True) for line in wrap(kind[:1].upper() + kind[1:], 14)),
        styled(name, 10, MUTED),
    ]
    return (
        f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" BGCOLOR="{CARD}"><TR>'
        f'<TD BGCOLOR="{colour}" WIDTH="4"></TD><TD BORDER="1" SIDES="TRB" COLOR="{LINE}" CELLPADDING="5">'
        f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"><TR>{_column(lines)}</TR></TABLE>'
        "</TD></TR></TABLE>>"
    )


def end(title: str, kind: str, text: str, colour: str, width: int) -> str:
    """Set where a path ends: a bar in its colour, its name, and what kind of end it is, in small letters."""
    first, *rest = _wrapped(f"{kind}: {text}", 10, width - 4)
    first = styled(f"{kind}:", 10, colour, bold=True) + styled(first.removeprefix(f"{kind}:"), 10, MUTED)
    lines = [styled(title, 11, INK, bold=True), first, *(styled(line, 10, MUTED) for line in rest)]
    return (
        f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" BGCOLOR="{CARD}"><TR>'
        f'<TD BGCOLOR="{colour}" WIDTH="4"></TD>'
        f'<TD BORDER="1" SIDES="TRB" COLOR="{LINE}" WIDTH="{width - 4}" CELLPADDING="3">'
        f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2"><TR>{_column(lines)}</TR></TABLE>'
        "</TD></TR></TABLE>>"
    )


def words(lines: Sequence[str], colour: str, width: int = 0, align: str = "LEFT") -> str:
    """Set the words beside an arrow, or on its way, kept clear of its line."""
    text = "<BR/>".join(styled(line, 9, colour) for line in lines)
    return (
        '<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="5"><TR>'
        f'<TD WIDTH="{width}" ALIGN="{align}" BALIGN="{align}">{text}</TD></TR></TABLE>>'
    )


def question(text: str, width: int) -> str:
    """Set a question: a frame with round corners."""
    lines = "<BR/>".join(styled(line, 11, INK) for line in _wrapped(text, 11, width))
    return (
        f'<<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="6" STYLE="ROUNDED" COLOR="{LINE}" '
        f'BGCOLOR="{CARD}"><TR><TD WIDTH="{width}">{lines}</TD></TR></TABLE>>'
    )


def blank(width: int) -> str:
    """Keep a place free."""
    return (
        f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"><TR><TD WIDTH="{width}"></TD></TR></TABLE>>'
    )


def legend(kinds: Iterable[tuple[str, bool, str]], size: int = 9) -> str:
    """Set the key to the arrows in one line: colour, dashed, meaning."""
    keys = "".join(
        f'<TD><TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0"><TR><TD WIDTH="26" HEIGHT="2" BORDER="2" SIDES="B" '
        f'STYLE="{"dashed" if dashed else "solid"}" COLOR="{colour}"></TD></TR><TR><TD HEIGHT="7"></TD></TR></TABLE>'
        f"</TD>{_column([styled(meaning, size, INK)])}"
        for colour, dashed, meaning in kinds
    )
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="6" CELLPADDING="1"><TR>{keys}</TR></TABLE>'


def small_print(
    kinds: Iterable[tuple[str, bool, str]], paragraphs: Mapping[str, Sequence[str]], width: int, size: int = 8
) -> str:
    """Set what stands under a diagram: the key to its arrows (colour, dashed, meaning), and paragraphs beside it."""
    keys = "".join(
        f'<TR><TD><TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0"><TR><TD WIDTH="26" HEIGHT="2" BORDER="2" SIDES="B" '
        f'STYLE="{"dashed" if dashed else "solid"}" COLOR="{colour}"></TD></TR><TR><TD HEIGHT="7"></TD></TR></TABLE>'
        f"</TD>{_column([styled(meaning, size, INK)])}</TR>"
        for colour, dashed, meaning in kinds
    )
    columns = "".join(
        _column(
            [
                styled(title, size, INK, bold=True),
                *(styled(part, size, MUTED) for line in lines for part in wrap(line, width)),
            ]
        )
        for title, lines in paragraphs.items()
    )
    return (
        '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="6"><TR>'
        '<TD VALIGN="TOP"><TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1" '
        f'FIXEDSIZE="TRUE" WIDTH="150" HEIGHT="68">{keys}</TABLE></TD>{columns}</TR></TABLE>'
    )


def styled(text: str, size: float, colour: str, bold: bool = False) -> str:
    """Set a piece of text. What is not ASCII is written as its number."""
    if not text:
        return ""  # Graphviz refuses letters of a size that there are none of
    printed = re.sub("(?<=[a-z])'(?=[a-z])", "\N{RIGHT SINGLE QUOTATION MARK}", text)
    safe = escape(printed).encode("ascii", "xmlcharrefreplace").decode()
    safe = f"<B>{safe}</B>" if bold else safe
    return f'<FONT POINT-SIZE="{size:g}" COLOR="{colour}">{safe}</FONT>'


def _wrapped(text: str, size: int, width: int) -> list[str]:
    """Break text into lines; a letter is half as wide as high, on average."""
    return wrap(text, int((width - 10) / size * 2))


def _column(lines: Sequence[str]) -> str:
    return f'<TD ALIGN="LEFT" BALIGN="LEFT" VALIGN="TOP">{"<BR/>".join(lines)}</TD>'


def to_dot(
    name: str,
    gaps: tuple[float, float],
    rows: Sequence[Sequence[Cell | None]],
    arrows: Sequence[Arrow],
    bands: Mapping[str, Band],
    footer: str,
    splines: str = "true",
) -> str:
    """Lay cells out as a grid, top to bottom, and write it as DOT; `splines` is Graphviz's word for how arrows run.

    Graphviz knows no grid. Arrows keep neighbours in line, and invisible ones do so where there is no arrow.
    """
    graph = graphviz.Digraph(name)
    graph.attr(
        rankdir="TB",
        newrank="true",
        bgcolor=PAPER,
        pad="0.1",
        nodesep=str(gaps[0]),
        ranksep=str(gaps[1]),
        splines=splines,
        fontname="Arimo",
    )
    graph.attr(label=f"<{footer}>", labelloc="b", labeljust="c")
    graph.attr("node", shape="plain", fontname="Arimo")
    graph.attr("edge", fontname="Arimo", arrowsize="0.75", penwidth="1.2")
    columns = _place(graph, rows, bands)
    row_of = {cell.name: row for row, cells in enumerate(rows) for cell in cells if cell}
    joined = {frozenset((arrow.source, arrow.target)) for arrow in arrows}
    for column in columns:
        for pair in pairwise(column):
            if frozenset(pair) not in joined:
                graph.edge(*pair, style="invis", weight=STRAIGHT)
    for cells in rows:
        _keep_in_row(graph, [cell.name for cell in cells if cell], joined)
    below = {pair for column in columns for pair in pairwise(column)}
    for arrow in arrows:
        _point(graph, arrow, upwards=row_of[arrow.source] > row_of[arrow.target], below=below)
    return graph.source


def in_a_line(name: str, cells: Sequence[Cell], arrows: Sequence[Arrow], direction: str) -> str:
    """Lay a few cells out in a line, as DOT; the direction is Graphviz's `rankdir`: LR or TB."""
    graph = graphviz.Digraph(name)
    graph.attr(rankdir=direction, bgcolor=PAPER, pad="0.05", nodesep="0.1", ranksep="0.3", fontname="Arimo")
    graph.attr("node", shape="plain", fontname="Arimo")
    graph.attr("edge", fontname="Arimo", arrowsize="0.75", penwidth="1.2")
    for cell in cells:
        graph.node(cell.name, cell.label)
    for arrow in arrows:
        _point(graph, arrow, upwards=False, below=set())
    return graph.source


def _place(
    graph: graphviz.Digraph, rows: Sequence[Sequence[Cell | None]], bands: Mapping[str, Band]
) -> list[list[str]]:
    """Add every cell, on its band; return the names in each column."""
    columns: dict[int, list[str]] = defaultdict(list)
    grounds: dict[str, graphviz.Digraph] = {"": graph}
    for title, band in bands.items():
        ground = grounds[title] = graphviz.Digraph(f"cluster_{title}")
        ground.attr(label=f"<{styled(band.title.upper(), 9, band.colour, bold=True)}>", labelloc="t", labeljust="l")
        ground.attr(style="filled", color=band.fill, fillcolor=band.fill, margin="7")
    for cells in rows:
        for column, cell in enumerate(cells):
            if cell:
                grounds[cell.band].node(cell.name, cell.label, group=f"column {column}")
                columns[column].append(cell.name)
    for title in bands:
        graph.subgraph(grounds[title])
    return list(columns.values())


def _keep_in_row(graph: graphviz.Digraph, names: Sequence[str], joined: set[frozenset[str]]) -> None:
    with graph.subgraph() as row:
        row.attr(rank="same")
        for name in names:
            row.node(name)
        for pair in pairwise(names):
            if frozenset(pair) not in joined:
                row.edge(*pair, style="invis")


def _point(graph: graphviz.Digraph, arrow: Arrow, upwards: bool, below: set[tuple[str, str]]) -> None:
    """Add an arrow. One that goes up is written down and drawn backwards, or it would turn the order around."""
    look = {"color": arrow.colour, "style": "dashed" if arrow.dashed else "solid"}
    if arrow.lines:
        place = "headlabel" if arrow.sideways else "taillabel" if arrow.at_tail else "label"
        look[place] = words(arrow.lines, arrow.colour)
    if arrow.sideways:
        look |= {"tailport": "e", "headport": "w", "labeldistance": "1.6", "labelangle": "60"}
    elif arrow.at_tail:
        look |= {"labeldistance": "1.5", "labelangle": "55"}
    if (arrow.source, arrow.target) in below:
        look["weight"] = STRAIGHT
    head = "normal" if arrow.head else "none"
    if upwards:
        graph.edge(arrow.target, arrow.source, dir="back", arrowtail=head, **look)
    else:
        graph.edge(arrow.source, arrow.target, arrowhead=head, **look)


def render(dot: str) -> str:
    """Draw DOT as SVG: the same text whenever it is drawn.

    Raises:
        RuntimeError: there is no Graphviz here, or it cannot read the DOT.
    """
    drawn = subprocess.run([_graphviz(), "-Tsvg"], input=dot, capture_output=True, text=True, encoding="utf-8")
    if drawn.returncode or "<svg" not in drawn.stdout:
        raise RuntimeError(f"Graphviz could not draw the diagram: {drawn.stderr.strip()}")
    svg = re.sub(r"<!--.*?-->\n?", "", drawn.stdout[drawn.stdout.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'font-family="[^"]*"', f'font-family="{FONTS}"', svg)
    title = re.search("<title>(.*?)</title>", svg)
    label = f' aria-label="{title[1]}"' if title else ""
    return svg.replace("<svg", f'<svg class="flowchart" role="img"{label}', 1).replace(">", f">\n{dark_style()}", 1)


def _graphviz() -> str:
    """Find the program. A notebook's PATH lacks the environment's own programs: so look there first."""
    pure = str(Path(sysconfig.get_path("scripts")) / "graphviz-pure")
    program = which(pure) or which("dot")
    if not program:
        raise RuntimeError(f"no Graphviz to draw with: neither {pure} nor a `dot` on PATH (pip install graphviz-pure)")
    return program


def dark_style() -> str:
    """Write the dark twin of every colour. Without a wish, or without media queries, the light one shows."""
    rules = "".join(
        f'.flowchart [{what}="{light}"]{{{what}:{dark}}}' for light, dark in DARK.items() for what in ("fill", "stroke")
    )
    return f"<style>@media (prefers-color-scheme: dark){{{rules}}}</style>\n"
