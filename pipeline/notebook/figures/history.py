"""One product's history: the stock after every record of it, and which records changed nothing."""

import pandas as pd
from matplotlib import pyplot as plt

from pipeline.notebook.figures.style import ABOVE, BLUE, GREY, OUTCOMES, Drawing, with_thousands
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
        figure, axes = plt.subplots(figsize=(6.6, 3.0))
        axes.step(newest["number"], newest["stock"], where="post", color=BLUE, linewidth=1.3)
        for outcome, mark in MARKS.items():
            of_outcome = newest[newest["outcome"] == outcome]
            hue = {"duplicate": GREY}.get(outcome, OUTCOMES[outcome])
            axes.plot(of_outcome["number"], of_outcome["stock"], mark, color=hue, label=outcome, markersize=7)
        axes.set(xlabel=f"records of {product_id}, in the order of the log", ylabel="stock (units)", ylim=(0, None))
        axes.legend(ncols=len(MARKS), **ABOVE)
        with_thousands(axes)
    counts = history["outcome"].value_counts()
    shown = f" The newest {len(newest)} are shown." if len(newest) < len(history) else ""
    caption = (
        f"Of {len(history):,} records of {product_id}, {counts.get('applied', 0):,} were applied, "
        f"{counts.get('duplicate', 0):,} were duplicates and {counts.get('quarantined', 0):,} quarantined; only the "
        f"applied ones move the stock, to {int(history['stock'].iloc[-1]):,} units in the end.{shown}"
    )
    alt = "A step line of stock in units over the product's records; marks on it for duplicates and quarantined ones."
    return Drawing(figure, caption, alt)
