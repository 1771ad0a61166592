"""What all figures share: a drawing with its words, colours, and how labels and axes are written.

Colours are Okabe and Ito's, which colour-blind readers tell apart; no figure needs colour alone to be read.
"""

from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

BLUE, VERMILION, GREEN, PINK, ORANGE, SKY, GREY = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a8f98",
)  # fmt: skip
HUES = (BLUE, VERMILION, GREEN, PINK, ORANGE)
OUTCOMES = {"applied": BLUE, "duplicate": SKY, "quarantined": VERMILION}
EVENT_TYPES = ("product_added", "product_removed", "quantity_incremented", "quantity_decremented")
INK, PALE = "#333333", "#e3e5e8"
ON_PALE_BAR = "#1f1f1f"  # bars keep their colour on a dark page, and so do words in them: see figures-dark.css
ABOVE: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.2}
BESIDE: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": 8, "color": INK}
BELOW: dict[str, Any] = {"textcoords": "offset points", "fontsize": 8, "color": INK}


class Drawing(NamedTuple):
    """A figure with the sentence it proves, and the words for a reader who does not see it."""

    figure: Figure
    caption: str
    alt: str


def with_thousands(*charts: Axes) -> None:
    """Write the numbers of both axes with separators."""
    for axes in charts:
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.xaxis.set_major_formatter("{x:,.6g}")


def by_size(values: pd.Series) -> pd.Series:
    """Count values, the most frequent first, and in a fixed order where there is a tie."""
    return values.value_counts().sort_index().sort_values(ascending=False, kind="stable")
