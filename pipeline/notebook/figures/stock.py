"""Stock over time, as the fold of the stream leaves it."""

import pandas as pd
from matplotlib import pyplot as plt

from pipeline.notebook.figures.style import BLUE, VERMILION, Drawing, by_size, with_thousands
from pipeline.notebook.show import style

COLUMNS = 3  # of panels
MOST_STEPS = 200  # of one line: more, and lines cover each other


def stock_over_time(history: pd.DataFrame, most: int = 6) -> Drawing:
    """Draw the stock of the busiest products, a panel each on one scale, as the fold leaves it after every event.

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
    rows = -(-len(busiest) // COLUMNS)
    with style():
        size = (6.6, 0.5 + 0.9 * rows)
        figure, grid = plt.subplots(rows, COLUMNS, figsize=size, sharex=True, sharey=True, squeeze=False)
        for axes, product_id in zip(grid.flat, busiest, strict=False):
            events = _from(start, applied[applied["partition_key"] == product_id])
            axes.step(events["minute"], events["quantity"], where="post", color=BLUE, linewidth=1.2)
            last_minute, last_stock = float(events["minute"].iloc[-1]), int(events["quantity"].iloc[-1])
            axes.plot([last_minute], [last_stock], "o", color=VERMILION, markersize=4)
            axes.set_title(f"{product_id}: {last_stock:,} after the story", fontsize=9, pad=3)
            axes.set_xlim(start, None)
        for axes in list(grid.flat)[len(busiest) :]:
            axes.set_visible(False)
        top = applied.loc[(applied["minute"] >= start) & applied["partition_key"].isin(busiest), "quantity"].max()
        grid[0, 0].set_ylim(0, 1.08 * max(1, int(top)))
        figure.supxlabel("event time (minutes since the shop opened)", fontsize=9)
        figure.supylabel("stock (units)", fontsize=9)
        with_thousands(*grid.flat)
    lowest, last = int(applied["quantity"].min()), float(applied["minute"].max())
    shown = f", in the last {last - start:,.0f} of {last:,.0f} minutes" if start else ""
    in_all = " in all" if start else ""
    caption = (
        f"Stock of the {len(busiest)} busiest of {applied['partition_key'].nunique():,} products{shown}, on one scale. "
        f"{busiest[0]} changed most often: {len(first) - 1:,} events took it from {int(first['quantity'].iloc[0]):,} "
        f"to {int(first['quantity'].iloc[-1]):,} units{in_all}. No stock goes below zero: the lowest is {lowest:,}."
    )
    return Drawing(figure, caption, f"Step lines of stock over time, a panel for each product. {caption}")


def _busiest(applied: pd.DataFrame, most: int) -> list[str]:
    return [str(product_id) for product_id in by_size(applied["partition_key"]).index[:most]]


def _from(start: float, events: pd.DataFrame) -> pd.DataFrame:
    """Return a product's events from a minute on; before them, at that minute, the stock that it then had."""
    before = events[events["minute"] < start].tail(1).assign(minute=start)
    return pd.concat([before, events[events["minute"] >= start]])
