"""Sequence diagrams of what a batch meets, drawn from real runs of the projector's code (see `recorded`)."""

from collections.abc import Callable
from html import escape
from itertools import accumulate
from typing import NamedTuple

from pipeline.drawings.grid import APPLIED, CARD, FAILURE, FLOW, FONTS, INK, LINE, MUTED, PAPER, dark_style
from pipeline.drawings.recorded import PIPE, QUARANTINE, STOCK, Step, World, crash, redelivery, two_writers

WIDTH, TOP, ROW = 459, 34, 22  # points: of a page's text, of the heads, of a step
HEAD, LETTER = 80, 7.8  # points: the width of a head, the size of the letters
TO_TABLE = 1.1  # parts of the width: to the line of a table, whose requests are told in more words
COLOURS = {PIPE: FLOW, STOCK: APPLIED, QUARANTINE: FAILURE}


class Drawing(NamedTuple):
    """A diagram with the sentence it proves, and the words for a reader who does not see it."""

    svg: str
    caption: str
    alt: str


def of_redelivery() -> Drawing:
    """Draw a batch that is delivered twice."""
    world = redelivery()
    version, units = _end(world)
    caption = (
        "Redelivery. The first answer is lost, so the pipe delivers the batch again. The second invocation finds every "
        "record in the item's memory and writes nothing: "
        f"the item stays at version {version}, {units} units."
    )
    return _drawing(world, caption)


def of_two_writers() -> Drawing:
    """Draw two invocations that work off the same batch at the same time."""
    world = two_writers()
    version, units = _end(world)
    caption = (
        "Two writers. An invocation that the pipe gave up waiting for still runs while its batch is retried. Its write "
        "carries a condition that no longer holds, so DynamoDB refuses it and returns the item that won; folded again "
        f"on that, both records are duplicates. The item stays at version {version}, {units} units."
    )
    return _drawing(world, caption)


def of_crash() -> Drawing:
    """Draw a process that dies between the quarantine and the stock."""
    world = crash()
    version, units = _end(world)
    caption = (
        "Crash. The process dies after the refused record is in quarantine and before the stock is written. The retry "
        f"finds the record there, leaves it alone, and writes the stock once: version {version}, {units} units, "
        f"{len(world.tables[QUARANTINE])} record in quarantine. Nothing is lost, nothing counts twice."
    )
    return _drawing(world, caption)


def _end(world: World) -> tuple[str, str]:
    return world.item["version"]["N"], world.item["quantity"]["N"]


def _drawing(world: World, caption: str) -> Drawing:
    return Drawing(to_svg(world), caption, f"Sequence diagram. {caption}")


def to_svg(world: World) -> str:
    """Draw the steps from top to bottom, between the lines of those who take part."""
    names = _taking_part(world)
    parts_of = [0.0, *accumulate(TO_TABLE if name in (QUARANTINE, STOCK) else 1.0 for name in names[1:])]
    unit = (WIDTH - HEAD - 4) / parts_of[-1]
    x_of = {name: HEAD / 2 + 2 + unit * part for name, part in zip(names, parts_of, strict=True)}
    height = TOP + ROW * len(world.steps) + 12
    parts = [_lifeline(name, x, height) for name, x in x_of.items()]
    at = [(step, TOP + ROW * (row + 0.62)) for row, step in enumerate(world.steps)]
    parts += [_words_of(step, x_of, y) for step, y in at] + [_arrow(step, x_of, y) for step, y in at]
    return (
        f'<svg class="flowchart" role="img" xmlns="http://www.w3.org/2000/svg" width="{WIDTH}pt" height="{height}pt" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="{FONTS}">\n{dark_style()}'
        f'<rect width="{WIDTH}" height="{height}" fill="{PAPER}"/>\n' + "\n".join(parts) + "\n</svg>"
    )


def _taking_part(world: World) -> list[str]:
    """Name who takes part, the pipe first, then invocations, then tables."""
    seen = {name for step in world.steps for name in (step.source, step.target)}
    invocations = sorted(seen - {PIPE, STOCK, QUARANTINE})
    return [PIPE, *invocations, *(name for name in (QUARANTINE, STOCK) if name in seen)]


def _lifeline(name: str, x: float, height: float) -> str:
    colour = COLOURS.get(name, MUTED)
    return (
        f'<line x1="{x:.1f}" y1="30" x2="{x:.1f}" y2="{height - 4}" stroke="{LINE}" stroke-width="1"/>'
        f'<rect x="{x - HEAD / 2:.1f}" y="6" width="{HEAD}" height="24" fill="{CARD}" stroke="{colour}" '
        'stroke-width="1.4"/>'
        f'<text x="{x:.1f}" y="21.5" text-anchor="middle" font-size="9" font-weight="bold" fill="{INK}">{name}</text>'
    )


def _arrow(step: Step, x_of: dict[str, float], y: float) -> str:
    start, end = x_of[step.source], x_of[step.target]
    if start == end:
        return _cross(start, y - 3)
    colour = FAILURE if step.failed else COLOURS.get(step.target if step.target != PIPE else PIPE, FLOW)
    side = 1 if end > start else -1
    is_lost = step.failed and step.target == PIPE
    tip = start + (end - start) * 0.9 if is_lost else end - side
    dashed = ' stroke-dasharray="4 3"' if step.target == PIPE else ""
    line = (
        f'<line x1="{start:.1f}" y1="{y:.1f}" x2="{tip - side * 5:.1f}" y2="{y:.1f}" stroke="{colour}" '
        f'stroke-width="1.4"{dashed}/>'
    )
    if is_lost:  # it ends before it arrives
        return line + _cross(tip, y)
    back = tip - side * 7
    points = f"{tip:.1f},{y:.1f} {back:.1f},{y - 3.2:.1f} {back:.1f},{y + 3.2:.1f}"
    return f'{line}<polygon points="{points}" fill="{colour}"/>'


def _cross(x: float, y: float) -> str:
    """Mark an end: of an answer that does not arrive, of a process, of the pipe's patience."""
    return "".join(
        f'<line x1="{x - 4:.1f}" y1="{y - 4 * slope:.1f}" x2="{x + 4:.1f}" y2="{y + 4 * slope:.1f}" '
        f'stroke="{FAILURE}" stroke-width="1.8"/>'
        for slope in (1, -1)
    )


def _words_of(step: Step, x_of: dict[str, float], y: float) -> str:
    """Write what is asked above the arrow and what is answered below it; beside a cross, what happens there."""
    middle = (x_of[step.source] + x_of[step.target]) / 2
    if step.source == step.target:
        said = ": ".join(words for words in (step.asked, step.answered) if words)
        return _words(said, middle + 9 + _width(said) / 2, y, FAILURE)
    answered = _words(step.answered, middle, y + 8, FAILURE if step.failed else MUTED) if step.answered else ""
    return _words(step.asked, middle, y - 3, INK) + answered


def _width(text: str) -> float:
    return 0.5 * LETTER * len(text) + 3


def _words(text: str, x: float, y: float, colour: str) -> str:
    """Set words on paper of their own, so that no line runs through them."""
    width = _width(text)
    return (
        f'<rect x="{x - width / 2:.1f}" y="{y - 6.8:.1f}" width="{width:.1f}" height="8.4" fill="{PAPER}"/>'
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" font-size="{LETTER}" fill="{colour}">{escape(text)}</text>'
    )


ALL: dict[str, Callable[[], Drawing]] = {"redelivery": of_redelivery, "two writers": of_two_writers, "crash": of_crash}
