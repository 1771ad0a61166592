"""Sequence diagrams of what a batch meets, drawn from real runs of the projector's code (see `recorded`)."""

from collections.abc import Callable
from html import escape
from typing import NamedTuple

from pipeline.drawings.grid import APPLIED, CARD, FAILURE, FLOW, FONTS, INK, LINE, MUTED, PAPER, dark_style
from pipeline.drawings.recorded import PIPE, QUARANTINE, STOCK, Step, World, crash, redelivery, two_writers

WIDTH, TOP, ROW = 459, 36, 26  # points: of a page's text, of the heads, of a step
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
        "Redelivery. The pipe never got the first answer and delivers the same batch again. The second invocation "
        "finds every record in the item's memory and writes nothing: "
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
    gap = (WIDTH - 90) / (len(names) - 1)
    x_of = {name: 45 + gap * place for place, name in enumerate(names)}
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
        f'<rect x="{x - 43:.1f}" y="6" width="86" height="24" fill="{CARD}" stroke="{colour}" stroke-width="1.4"/>'
        f'<text x="{x:.1f}" y="21.5" text-anchor="middle" font-size="9" font-weight="bold" fill="{INK}">{name}</text>'
    )


def _arrow(step: Step, x_of: dict[str, float], y: float) -> str:
    start, end = x_of[step.source], x_of[step.target]
    colour = FAILURE if step.failed else COLOURS.get(step.target if step.target != PIPE else PIPE, FLOW)
    side = 1 if end > start else -1
    is_lost = step.failed and step.target == PIPE
    tip = start + (end - start) * 0.9 if is_lost else end - side
    dashed = ' stroke-dasharray="4 3"' if step.target == PIPE else ""
    line = (
        f'<line x1="{start:.1f}" y1="{y:.1f}" x2="{tip - side * 5:.1f}" y2="{y:.1f}" stroke="{colour}" '
        f'stroke-width="1.4"{dashed}/>'
    )
    if is_lost:  # it ends in a cross, before it arrives
        return line + "".join(
            f'<line x1="{tip - 4:.1f}" y1="{y - 4 * slope:.1f}" x2="{tip + 4:.1f}" y2="{y + 4 * slope:.1f}" '
            f'stroke="{colour}" stroke-width="1.8"/>'
            for slope in (1, -1)
        )
    back = tip - side * 7
    points = f"{tip:.1f},{y:.1f} {back:.1f},{y - 3.2:.1f} {back:.1f},{y + 3.2:.1f}"
    return f'{line}<polygon points="{points}" fill="{colour}"/>'


def _words_of(step: Step, x_of: dict[str, float], y: float) -> str:
    middle = (x_of[step.source] + x_of[step.target]) / 2
    answered = _words(step.answered, middle, y + 9, FAILURE if step.failed else MUTED) if step.answered else ""
    return _words(step.asked, middle, y - 3.6, INK) + answered


def _words(text: str, x: float, y: float, colour: str) -> str:
    """Set words on paper of their own, so that no line runs through them."""
    width = 4.35 * len(text) + 4
    return (
        f'<rect x="{x - width / 2:.1f}" y="{y - 7.6:.1f}" width="{width:.1f}" height="9.4" fill="{PAPER}"/>'
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" font-size="8.6" fill="{colour}">{escape(text)}</text>'
    )


ALL: dict[str, Callable[[], Drawing]] = {"redelivery": of_redelivery, "two writers": of_two_writers, "crash": of_crash}
