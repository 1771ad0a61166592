"""Figures of one story on its way to the table: what a reader sees meanwhile, on which shards it lies, its latency."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from pipeline.notebook.figures.style import (
    ABOVE,
    BELOW,
    BESIDE,
    BLUE,
    GREY,
    INK,
    ON_PALE_BAR,
    PALE,
    SKY,
    Drawing,
    by_size,
    with_thousands,
)
from pipeline.notebook.show import Shown, style
from pipeline.notebook.table_reads import TableReads


def shards(history: pd.DataFrame) -> Drawing:
    """Draw how records and keys spread over the shards: one bar for a shard, one segment for a product."""
    names = sorted(history["shard_id"].unique())
    widest = history["shard_id"].value_counts().max() * 1.3
    with style():
        figure, axes = plt.subplots(figsize=(6.6, 0.9 + 0.6 * len(names)))
        for row, shard_id in enumerate(names):
            keys = by_size(history.loc[history["shard_id"] == shard_id, "partition_key"])
            wide = keys[keys > 0.025 * widest]
            start = 0
            for number, (key, records) in enumerate(wide.items()):
                hue, ink = ((BLUE, "#ffffff"), (SKY, ON_PALE_BAR))[number % 2]
                axes.barh(row, records, left=start, color=hue, height=0.8, linewidth=0.6)
                middle = (start + records / 2, row)
                axes.annotate(str(key), middle, ha="center", va="center", rotation=90, size=8, color=ink)
                start += records
            if len(wide) < len(keys):
                axes.barh(row, keys.sum() - start, left=start, color=PALE, height=0.8, linewidth=0)
                middle = ((start + keys.sum()) / 2, row)
                others = f"{len(keys) - len(wide):,} {'more ' if len(wide) else ''}keys"
                is_wide = keys.sum() - start > 0.1 * widest
                axes.annotate(others if is_wide else "", middle, ha="center", va="center", size=8, color=ON_PALE_BAR)
            start = int(keys.sum())
            axes.annotate(f"{start:,} records, {len(keys):,} keys", (start, row), xytext=(5, 0), **BESIDE)
        axes.set_yticks(range(len(names)), [f"shard {int(name[-4:])}" for name in names])
        axes.set(xlabel="records (a segment for each partition key; those with few, together)")
        axes.set_xlim(0, widest)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.grid(visible=False)
        axes.invert_yaxis()
    keys_on = history.groupby("partition_key")["shard_id"].nunique()
    share = history["shard_id"].value_counts(normalize=True)
    caption = (
        f"{len(keys_on):,} partition keys on {len(names)} {'shard' if len(names) == 1 else 'shards'}. "
        f"{'No key is' if keys_on.max() == 1 else 'Some keys are'} on more than one shard, so a product's events keep "
        f"their order; the fullest shard holds {share.max():.0%} of the records."
    )
    return Drawing(figure, caption, "One bar for each shard, cut into one segment for each partition key.")


def live(shown: Shown) -> Callable[[TableReads], None]:
    """Return what draws a figure that is on the page anew, from what was read of the table so far."""

    def show(reads: TableReads) -> None:
        drawing = as_it_happened(reads)
        shown.update(drawing.figure, drawing.caption)

    return show


def as_it_happened(reads: TableReads) -> Drawing:
    """Draw what a reader of the table saw while the story was sent."""
    applied = [sum(versions.values()) for versions in reads.versions]
    lines = {
        "accepted by the stream (records)": (reads.accepted, GREY),
        "applied in the table (events)": (applied, BLUE),
    }
    with style():
        figure, axes = plt.subplots(figsize=(6.6, 2.1))
        for name, (counts, hue) in lines.items():
            axes.step(reads.seconds, counts, where="post", color=hue, label=name)
            for count in counts[-1:]:
                axes.annotate(f"{count:,}", (reads.seconds[-1], count), xytext=(4, 0), **BESIDE)
        axes.set(xlabel="time since the sending began (seconds)", ylabel="records, events", ylim=(0, None))
        axes.set_xlim(0, reads.seconds[-1] if reads.seconds else None)
        axes.legend(ncols=2, **ABOVE)
        with_thousands(axes)
    caption = _what_a_reader_saw(reads, applied[-1]) if reads.seconds else "The table was not read yet."
    alt = "Two step lines over seconds, both rising: records that the stream accepted, and events that the table shows."
    return Drawing(figure, caption, alt)


def _what_a_reader_saw(reads: TableReads, applied: int) -> str:
    accepted = reads.accepted[-1]
    earlier = f" ({reads.before:,} of them sent before)" if reads.before else ""
    return (
        f"After {reads.seconds[-1]:.1f} s the stream had accepted {accepted:,} records{earlier} and the table showed "
        f"{applied:,} applied events; it was read {len(reads.seconds):,} times meanwhile, every "
        f"{reads.seconds[-1] / len(reads.seconds) * 1000:.0f} ms. The remaining gap of {accepted - applied:,} records "
        "is duplicates and quarantined records; neither changes stock."
    )


def lag(seconds: pd.Series) -> Drawing:
    """Draw how long it took from a record's being accepted to its effect being seen, as a distribution.

    Args:
        seconds: one value for each event, in the order in which they were accepted.
    """
    if seconds.empty:
        with style():
            empty, axes = plt.subplots(figsize=(6.6, 3.0))
            axes.set(xlabel="lag from accepted to visible (milliseconds)", ylabel="applied events")
        return Drawing(
            empty, "No lag was measured: nobody read the table while this story was sent.", "An empty histogram."
        )
    later = seconds.iloc[len(seconds) // 2 :].median() * 1000
    milliseconds = np.sort(seconds.to_numpy()) * 1000
    half, most = np.percentile(milliseconds, [50, 99])
    with style():
        figure, axes = plt.subplots(figsize=(6.6, 3.0))
        axes.hist(milliseconds, bins=40, color=BLUE, linewidth=0.5)
        top = axes.get_ylim()[1] * 1.12
        for name, value in (("p50", half), ("p99", most)):
            axes.axvline(value, color=INK, linewidth=1, linestyle=(0, (4, 2)))
            axes.annotate(f"{name}: {value:,.0f} ms", (value, top), xytext=(0, 3), ha="center", **BELOW)
        axes.set(xlabel="lag from accepted to visible (milliseconds)", ylabel="applied events", ylim=(0, top))
        axes.set_xlim(min(0, milliseconds[0]), milliseconds[-1] * 1.15)
        with_thousands(axes)
    caption = (
        f"Half of {len(milliseconds):,} applied events were visible in the table within {half:,.0f} ms of being "
        f"accepted by the stream, 99% within {most:,.0f} ms; the slowest took {milliseconds[-1]:,.0f} ms. "
        f"In the second half of the sending, the median was {later:,.0f} ms."
    )
    alt = "Histogram of the lag in milliseconds, with lines at the median and the 99th percentile."
    return Drawing(figure, caption, alt)
