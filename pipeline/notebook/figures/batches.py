"""What batches came to: every record's outcome, and how few writes that takes."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from pipeline.notebook.figures.style import BELOW, BESIDE, BLUE, EVENT_TYPES, GREY, INK, OUTCOMES, VERMILION, Drawing
from pipeline.notebook.show import style

BATCH_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
LETTER_OF_A_PANEL = 0.02  # width of a letter beside a bar, in parts of the wider panel of two


def outcomes(history: pd.DataFrame) -> Drawing:
    """Draw events by type and outcome, and the reasons of what was quarantined."""
    types = [
        *(t for t in EVENT_TYPES if t in set(history["event_type"])),
        *sorted(set(history["event_type"]) - {*EVENT_TYPES}),
    ]
    counts = pd.crosstab(history["event_type"], history["outcome"]).reindex(
        index=types, columns=list(OUTCOMES), fill_value=0
    )
    reasons = (
        history.loc[history["outcome"] == "quarantined", "reason"]
        .value_counts()
        .sort_index()
        .sort_values(kind="stable")
    )
    total = counts.sum()
    with style():
        height = 1.0 + 0.25 * max(len(counts), len(reasons), 3)
        figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, height), width_ratios=(3, 2))
        start = np.zeros(len(counts))
        for outcome, hue in OUTCOMES.items():
            left.barh(counts.index, counts[outcome], left=start, color=hue, height=0.65, label=outcome)
            start += counts[outcome].to_numpy()
        sums = [" + ".join(f"{n:,}" for n in each) for _, each in counts.iterrows()]
        for row, words in enumerate(sums):
            left.annotate(words, (start[row], row), xytext=(4, 0), **BESIDE)
        room = [end / (0.95 - LETTER_OF_A_PANEL * len(words)) for end, words in zip(start, sums, strict=True)]
        left.set(xlabel="records", xlim=(0, max(room)))
        left.set_xticks([tick for tick in left.get_xticks() if tick <= 1.1 * max(start)])
        left.set_title("all records, by type and outcome")
        figure.legend(loc="outside upper left", ncols=len(OUTCOMES), handlelength=1, handleheight=1)
        left.invert_yaxis()
        right.barh(reasons.index, reasons, color=VERMILION, height=0.65)
        for row, number in enumerate(reasons):
            right.annotate(f"{number:,}", (number, row), xytext=(4, 0), **BESIDE)
        right.set(xlabel="records", xlim=(0, max(reasons.max(), 1) * 1.2 if len(reasons) else 1))
        right.set_title("quarantined, by reason")
        for axes in (left, right):
            axes.grid(visible=False)
            axes.xaxis.set_major_formatter("{x:,.0f}")
            axes.tick_params(axis="y", length=0)
    caption = (
        f"Every one of {len(history):,} records has exactly one outcome: {total['applied']:,} applied, "
        f"{total['duplicate']:,} duplicates ({total['duplicate'] / len(history):.1%}), {total['quarantined']:,} "
        f"quarantined, for {_reasons(len(reasons))}. The numbers beside the bars are applied + duplicate + "
        f"quarantined.{_strange(types)}"
    )
    alt = "Stacked bars of records by event type and outcome; beside them bars of quarantined records by reason."
    return Drawing(figure, caption, alt)


def _strange(types: list[str]) -> str:
    """Say what a type is that is none: `no event` and names that nobody knows."""
    unknown = [name for name in types if name not in (*EVENT_TYPES, "no event")]
    no_event = " No event: what cannot be read as one." if "no event" in types else ""
    is_none = "is not a valid type" if len(unknown) == 1 else "are not valid types"
    return f"{no_event} {', '.join(unknown)} {is_none}." if unknown else no_event


def _reasons(number: int) -> str:
    return "1 reason" if number == 1 else f"{number} different reasons"


def writes(history: pd.DataFrame, batches: pd.DataFrame, batch_size: int) -> Drawing:
    """Draw how many writes a record costs when the same stream is cut into batches of another size.

    Args:
        history: the history of the stream, from `pipeline.notebook.history`.
        batches: what the projector logged of its batches, from `tutorial.batch_log`.
        batch_size: the most records that the pipe puts into a batch.
    """
    counted = {size: count_writes(history, size) / len(history) for size in sorted({*BATCH_SIZES, batch_size})}
    usual = batches.loc[batches["applied"] > 0, "records"].mean()
    with style():
        figure, axes = plt.subplots(figsize=(6.6, 3.0))
        axes.axhline(1, color=GREY, linewidth=1, linestyle=(0, (4, 2)))
        axes.annotate("one write for every record", (max(counted), 1), xytext=(0, 4), ha="right", **BELOW)
        axes.plot(list(counted), list(counted.values()), color=BLUE, marker="o", markersize=4)
        axes.plot([batch_size], [counted[batch_size]], color=VERMILION, marker="o", markersize=8, linestyle="")
        axes.annotate("the pipe's limit", (batch_size, counted[batch_size]), xytext=(7, 6), **BELOW)
        axes.axvline(usual, color=INK, linewidth=1, linestyle=(0, (4, 2)))
        axes.annotate("mean batch of this run", (usual, min(counted.values())), xytext=(-4, 2), ha="right", **BELOW)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set(xlabel="most records in a batch", ylabel="writes per record")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.minorticks_off()
    caption = (
        "One write for each product in a batch, not for each event: in batches of one, this stream of "
        f"{len(history):,} records takes {count_writes(history, 1):,} writes, in full batches of {batch_size:,} it "
        f"takes {count_writes(history, batch_size):,}. The batches of this run held {usual:,.0f} records on average: "
        "the pipe does not wait for a batch to fill."
    )
    alt = "Falling line of writes per record against batch size, both axes logarithmic."
    return Drawing(figure, caption, alt)


def count_writes(history: pd.DataFrame, batch_size: int) -> int:
    """Count the projector's writes: in every batch, the products that an applied event or a re-send moves on."""
    batch = history.groupby("shard_id").cumcount() // batch_size
    moved = history.assign(batch=batch)[history["outcome"] != "quarantined"]
    return len(moved[["shard_id", "batch", "partition_key"]].drop_duplicates())
