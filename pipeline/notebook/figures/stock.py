"""Stock over time, as the fold of the stream leaves it."""

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from pipeline.notebook.figures.style import HUES, Drawing, by_size, with_thousands
from pipeline.notebook.show import style

MOST_STEPS = 200  # of one line: more, and lines cover each other


def stock_over_time(history: pd.DataFrame, most: int = 5) -> Drawing:
    """Draw the stock of the busiest products, as the fold of the stream leaves it after every event.

    Args:
        history: the history of the stream, from `pipeline.notebook.history`.
        most: how many products.
    """
    applied = history[history["outcome"] == "applied"]
    opening = applied["happened_at"].min()
    applied = applied.assign(minute=(applied["happened_at"] - opening).dt.total_seconds() / 60)
    busiest = _busiest(applied, most)
    first = applied[applied["partition_key"] == busiest[0]]
    start = float(first["minute"].iloc[-MOST_STEPS]) if len(first) > MOST_STEPS else 0.0
    with style():
        figure, axes = plt.subplots(figsize=(6.6, 3.4))
        ends = {}
        for product_id, hue in zip(busiest, HUES * most, strict=False):
            events = _from(start, applied[applied["partition_key"] == product_id])
            axes.step(events["minute"], events["quantity"], where="post", color=hue, linewidth=1.3)
            ends[product_id] = (float(events["minute"].iloc[-1]), float(events["quantity"].iloc[-1]), hue)
        axes.set(xlabel="event time (minutes since the shop opened)", ylabel="stock (units)", ylim=(0, None))
        axes.set_xlim(start, None)
        _label_ends(axes, ends)
        with_thousands(axes)
    lowest, last = int(applied["quantity"].min()), float(applied["minute"].max())
    shown = f", in the last {last - start:,.0f} of {last:,.0f} minutes" if start else ""
    in_all = " in all" if start else ""
    caption = (
        f"Stock of the {len(busiest)} busiest of {applied['partition_key'].nunique():,} products{shown}. {busiest[0]} "
        f"changed most often: {len(first):,} events took it from {int(first['quantity'].iloc[0]):,} to "
        f"{int(first['quantity'].iloc[-1]):,} units{in_all}. No line goes below zero; the lowest stock of any product "
        f"is {lowest:,}."
    )
    alt = f"Step lines of stock in units over event time in minutes, for {', '.join(busiest)}."
    return Drawing(figure, caption, alt)


def _busiest(applied: pd.DataFrame, most: int) -> list[str]:
    return [str(product_id) for product_id in by_size(applied["partition_key"]).index[:most]]


def _from(start: float, events: pd.DataFrame) -> pd.DataFrame:
    """Return a product's events from a minute on; before them, at that minute, the stock that it then had."""
    before = events[events["minute"] < start].tail(1).assign(minute=start)
    return pd.concat([before, events[events["minute"] >= start]])


def _label_ends(axes: Axes, ends: dict[str, tuple[float, float, str]]) -> None:
    """Write each line's name at its end, moved apart where two ends are close."""
    top = axes.get_ylim()[1]
    lowest = -top
    for name, (x, y, hue) in sorted(ends.items(), key=lambda each: each[1][1]):
        lowest = place = max(y, lowest + top * 0.055)
        axes.annotate(
            name, (x, y), xytext=(axes.get_xlim()[1], place), textcoords="data", va="center", fontsize=8, color=hue
        )
