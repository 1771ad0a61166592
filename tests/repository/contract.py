"""docs/contract.md as data: its sections, and the tables in them."""

import re

from pipeline.paths import ROOT

PAGE = ROOT / "docs" / "contract.md"
HEADING = re.compile(r"^## (\d)\. (.*)$", re.MULTILINE)


def sections() -> dict[str, str]:
    """Return the text of every section by its number."""
    _, *parts = HEADING.split(PAGE.read_text("utf-8"))
    return dict(zip(parts[::3], parts[2::3], strict=True))


def anchors() -> set[str]:
    """Return the anchors that GitHub gives to the headings of the sections."""
    titles = (f"{number} {title}" for number, title in HEADING.findall(PAGE.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def table(number: str, first_heading: str) -> list[list[str]]:
    """Return the rows of the table in a section that has this heading over its first column."""
    [body] = re.findall(rf"^\| {first_heading} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", sections()[number], re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in body.splitlines()]


def names(text: str) -> list[str]:
    """Return what is set as code in a text, piece by piece."""
    return re.findall(r"`([^`]+)`", text)
