"""One product's history: the stock after every record of it, and which records changed nothing."""

import pandas as pd
from matplotlib import pyplot as plt

from pipeline.notebook.figures.style import ABOVE, BELOW, BLUE, GREY, OUTCOMES, Drawing, with_thousands
from pipeline.notebook.show import style

MARKS = {"duplicate": "|", "quarantined": "x"}
MOST_RECORDS = 200  # more, and marks cover each other


def product_history(history: pd.DataFrame, product_id: str) -> Drawing:
    """Draw the stock of one product after each of its records.

    Args:
        history: from `Pipeline.history`, in the order of the log.
        product_id: the product.
    """
    history = history.assign(number=range(1, len(history) + 1))
    newest = history.tail(MOST_RECORDS)
    with style():
        figure, axes = plt.subplots(figsize=(6.6, 2.3))
        axes.step(newest["number"], newest["stock"], where="post", color=BLUE, linewidth=1.3, label="stock")
        top = max(1, int(newest["stock"].max()))
        for place, (outcome, mark) in enumerate(MARKS.items(), start=1):
            numbers = newest.loc[newest["outcome"] == outcome, "number"]
            hue = {"duplicate": GREY}.get(outcome, OUTCOMES[outcome])
            below = [-0.09 * top * place] * len(numbers)  # a row of marks each, or they would cover the line
            axes.plot(numbers, below, mark, color=hue, label=f"{outcome} record", markersize=6)
        last, left = int(newest["number"].iloc[-1]), int(newest["stock"].iloc[-1])
        axes.plot([last, last + 2], [left, left], color=BLUE, linewidth=1.3)
        axes.annotate(f"{left:,}", (last + 2, left), xytext=(4, 0), va="center", **BELOW)
        axes.set_xlim(int(newest["number"].iloc[0]), last + 2)
        axes.set(xlabel=f"records of {product_id}, in the order of the log", ylabel="stock (units)")
        axes.set_ylim(-0.27 * top, 1.06 * top)
        axes.set_yticks([tick for tick in axes.get_yticks() if 0 <= tick <= 1.06 * top])
        axes.axhline(0, color=GREY, linewidth=0.8)
        axes.legend(ncols=1 + len(MARKS), **ABOVE)
        with_thousands(axes)
    counts = history["outcome"].value_counts()
    shown = f" The newest {len(newest)} are shown." if len(newest) < len(history) else ""
    caption = (
        f"Of {len(history):,} records of {product_id}, {counts.get('applied', 0):,} were applied, "
        f"{counts.get('duplicate', 0):,} were duplicates and {counts.get('quarantined', 0):,} quarantined; only the "
        f"applied ones move the stock, to {int(history['stock'].iloc[-1]):,} units in the end.{shown}"
    )
    alt = "A step line of stock in units over the product's records; below it a mark for each that changed nothing."
    return Drawing(figure, caption, alt)
