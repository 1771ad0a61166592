"""The figures of a run. Each is drawn from data of the run, and its caption states what these data show.

All are returned as `Drawing`, for `pipeline.report.figure(*drawing)`. Colours are Okabe and Ito's, which colour-blind
readers tell apart; outcomes have the same colour in every figure, and no figure needs colour alone to be read.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.report import style
from pipeline.report.display import Shown
from pipeline.tutorial import Sightings

BLUE, VERMILION, GREEN, PINK, ORANGE, SKY, GREY = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a8f98",
)  # fmt: skip
HUES = (BLUE, VERMILION, GREEN, PINK, ORANGE)
OUTCOMES = {"applied": BLUE, "duplicate": SKY, "quarantined": VERMILION}
EVENT_TYPES = ("product_added", "product_removed", "quantity_incremented", "quantity_decremented")
BATCH_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
INK, PALE = "#333333", "#e3e5e8"
ON_PALE_BAR = "#1f1f1f"  # bars keep their colour on a dark page, and so do words in them: see figures-dark.css


class Drawing(NamedTuple):
    """A figure with the sentence it proves, and the words for a reader who does not see it."""

    figure: Figure
    caption: str
    alt: str


def stock_over_time(told: pd.DataFrame, most: int = 5) -> Drawing:
    """Draw the stock of the busiest products, as the fold of the stream leaves it after every event.

    Args:
        told: the history of the stream, from `tutorial.history`.
        most: how many products.
    """
    applied = told[told["outcome"] == "applied"]
    busiest = _busiest(applied, most)
    opening = applied["happened_at"].min()
    with style():
        figure, axes = plt.subplots(figsize=(6.6, 3.4))
        ends = {}
        for product_id, hue in zip(busiest, HUES * most, strict=False):
            events = applied[applied["partition_key"] == product_id]
            minutes = (events["happened_at"] - opening).dt.total_seconds() / 60
            axes.step(minutes, events["quantity"], where="post", color=hue, linewidth=1.3)
            ends[product_id] = (float(minutes.iloc[-1]), float(events["quantity"].iloc[-1]), hue)
        _label_ends(axes, ends)
        axes.set(xlabel="event time (minutes since the shop opened)", ylabel="stock (units)", ylim=(0, None))
        axes.set_xlim(0, None)
    first = applied[applied["partition_key"] == busiest[0]]
    lowest = int(applied["quantity"].min())
    caption = (
        f"Stock of the {len(busiest)} busiest of {applied['partition_key'].nunique()} products. {busiest[0]} changed "
        f"most often: {len(first):,} events took it from {int(first['quantity'].iloc[0]):,} to "
        f"{int(first['quantity'].iloc[-1]):,} units. No line goes below zero; the lowest stock of any product is "
        f"{lowest:,}."
    )
    alt = f"Step lines of stock in units over event time in minutes, for {', '.join(busiest)}."
    return Drawing(figure, caption, alt)


def outcomes(told: pd.DataFrame) -> Drawing:
    """Draw events by type and outcome, and the reasons of what was quarantined."""
    types = [
        *(t for t in EVENT_TYPES if t in set(told["event_type"])),
        *sorted(set(told["event_type"]) - {*EVENT_TYPES}),
    ]
    counts = pd.crosstab(told["event_type"], told["outcome"]).reindex(index=types, columns=list(OUTCOMES), fill_value=0)
    reasons = (
        told.loc[told["outcome"] == "quarantined", "reason"].value_counts().sort_index().sort_values(kind="stable")
    )
    total = counts.sum()
    with style():
        height = 0.9 + 0.3 * max(len(counts), len(reasons))
        figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, height), width_ratios=(3, 2))
        start = np.zeros(len(counts))
        for outcome, hue in OUTCOMES.items():
            left.barh(counts.index, counts[outcome], left=start, color=hue, height=0.65, label=outcome)
            start += counts[outcome].to_numpy()
        for row, (_, each) in enumerate(counts.iterrows()):
            left.annotate(" + ".join(f"{n:,}" for n in each), (start[row], row), xytext=(4, 0), **BESIDE)
        left.set(xlabel="records", xlim=(0, start.max() * 1.45))
        left.set_title("all records, by type and outcome")
        left.legend(loc="lower right", handlelength=1, handleheight=1)
        left.invert_yaxis()
        right.barh(reasons.index, reasons, color=VERMILION, height=0.65)
        for row, number in enumerate(reasons):
            right.annotate(f"{number:,}", (number, row), xytext=(4, 0), **BESIDE)
        right.set(xlabel="records", xlim=(0, max(reasons.max(), 1) * 1.2 if len(reasons) else 1))
        right.set_title("quarantined, by reason")
        for axes in (left, right):
            axes.grid(visible=False)
            axes.tick_params(axis="y", length=0)
    caption = (
        f"Every one of {len(told):,} records has exactly one outcome: {total['applied']:,} applied, "
        f"{total['duplicate']:,} duplicates ({total['duplicate'] / len(told):.1%}), {total['quarantined']:,} "
        f"quarantined, for {len(reasons)} different reasons. The numbers beside the bars are applied + duplicate + "
        "quarantined."
    )
    alt = "Stacked bars of records by event type and outcome; beside them bars of quarantined records by reason."
    return Drawing(figure, caption, alt)


def shards(told: pd.DataFrame) -> Drawing:
    """Draw how records and keys spread over the shards: one bar for a shard, one segment for a product."""
    names = sorted(told["shard_id"].unique())
    widest = told["shard_id"].value_counts().max() * 1.3
    with style():
        figure, axes = plt.subplots(figsize=(6.6, 0.9 + 0.6 * len(names)))
        for row, shard_id in enumerate(names):
            keys = told.loc[told["shard_id"] == shard_id, "partition_key"].value_counts()
            start = 0
            for number, (key, records) in enumerate(
                keys.sort_index().sort_values(ascending=False, kind="stable").items()
            ):
                hue, ink = ((BLUE, "#ffffff"), (SKY, ON_PALE_BAR))[number % 2]
                axes.barh(row, records, left=start, color=hue, height=0.8, linewidth=0.6)
                if records > 0.025 * widest:
                    middle = (start + records / 2, row)
                    axes.annotate(str(key), middle, ha="center", va="center", rotation=90, size=8, color=ink)
                start += records
            axes.annotate(f"{start:,} records, {len(keys)} keys", (start, row), xytext=(5, 0), **BESIDE)
        axes.set_yticks(range(len(names)), [f"shard {int(name[-4:])}" for name in names])
        axes.set(xlabel="records (one segment for each partition key)")
        axes.set_xlim(0, widest)
        axes.grid(visible=False)
        axes.invert_yaxis()
    keys_on = told.groupby("partition_key")["shard_id"].nunique()
    share = told["shard_id"].value_counts(normalize=True)
    caption = (
        f"{len(keys_on)} partition keys on {len(names)} {'shard' if len(names) == 1 else 'shards'}. "
        f"{'No key is' if keys_on.max() == 1 else 'Some keys are'} on more than one shard, so a product's events keep "
        f"their order; the fullest shard holds {share.max():.0%} of the records."
    )
    return Drawing(figure, caption, "One bar for each shard, cut into one segment for each partition key.")


def live(shown: Shown) -> Callable[[Sightings], None]:
    """Return what draws a figure that is on the page anew, each time somebody looks."""

    def show(seen: Sightings) -> None:
        drawing = as_it_happened(seen)
        shown.update(drawing.figure, drawing.caption)

    return show


def as_it_happened(seen: Sightings, most: int = 4) -> Drawing:
    """Draw what a reader of the table saw while the story was sent."""
    applied = [sum(versions.values()) for versions in seen.versions]
    last = seen.versions[-1] if seen.versions else {}
    busiest = sorted(last, key=lambda product_id: (-last[product_id], product_id))[:most]
    with style():
        figure, (upper, lower) = plt.subplots(2, 1, figsize=(6.6, 4.4), sharex=True)
        upper.step(seen.seconds, seen.accepted, where="post", color=GREY, label="accepted by the stream (records)")
        upper.step(seen.seconds, applied, where="post", color=BLUE, label="applied in the table (events)")
        upper.set(ylabel="since the start", ylim=(0, None))
        upper.legend(loc="upper left")
        for product_id, hue in zip(busiest, HUES, strict=False):
            stock = [quantities.get(product_id, 0) for quantities in seen.quantities]
            lower.step(seen.seconds, stock, where="post", color=hue, label=product_id)
        lower.set(xlabel="time since the sending began (seconds)", ylabel="stock (units)", ylim=(0, None))
        lower.set_xlim(0, None)
        if busiest:
            lower.legend(loc="upper left", ncols=most)
    caption = "This stream got the story before: nothing was sent."
    if seen.seconds:
        caption = _what_a_reader_saw(seen, applied[-1])
    alt = "Two charts over seconds: records accepted and events applied, both rising; stock of the busiest products."
    return Drawing(figure, caption, alt)


def _what_a_reader_saw(seen: Sightings, applied: int) -> str:
    return (
        f"After {seen.seconds[-1]:.1f} s the stream had accepted {seen.accepted[-1]:,} records and the table showed "
        f"{applied:,} applied events; it was read {len(seen.seconds):,} times meanwhile. The distance between the "
        "upper lines that never closes is what was no news: duplicates and quarantined records."
    )


def lag(seconds: pd.Series) -> Drawing:
    """Draw how long it took from a record's being accepted to its effect being seen, as a distribution.

    Args:
        seconds: one value for each event, in the order in which they were accepted.
    """
    later = seconds.iloc[len(seconds) // 2 :].median() * 1000
    milliseconds = np.sort(seconds.to_numpy()) * 1000
    half, most = np.percentile(milliseconds, [50, 99])
    with style():
        figure, axes = plt.subplots(figsize=(6.6, 3.0))
        axes.hist(milliseconds, bins=40, color=BLUE, linewidth=0.5)
        top = axes.get_ylim()[1] * 1.12
        for name, value in (("p50", half), ("p99", most)):
            axes.axvline(value, color=INK, linewidth=1, linestyle=(0, (4, 2)))
            axes.annotate(f"{name}: {value:,.0f} ms", (value, top), xytext=(4, -3), va="top", **BELOW)
        axes.set(xlabel="lag from accepted to visible (milliseconds)", ylabel="applied events", ylim=(0, top))
        axes.set_xlim(min(0, milliseconds[0]), milliseconds[-1] * 1.15)
    caption = (
        f"Half of {len(milliseconds):,} applied events were visible in the table within {half:,.0f} ms of being "
        f"accepted by the stream, 99 % within {most:,.0f} ms; the slowest took {milliseconds[-1]:,.0f} ms. "
        f"In the second half of the sending, the median was {later:,.0f} ms."
    )
    alt = "Histogram of the lag in milliseconds, with lines at the median and the 99th percentile."
    return Drawing(figure, caption, alt)


def writes(told: pd.DataFrame, batches: pd.DataFrame, batch_size: int) -> Drawing:
    """Draw how many writes a record costs when the same stream is cut into batches of another size.

    Args:
        told: the history of the stream, from `tutorial.history`.
        batches: what the projector logged of its batches, from `tutorial.batch_log`.
        batch_size: the most records that the pipe puts into a batch.
    """
    counted = {size: count_writes(told, size) / len(told) for size in sorted({*BATCH_SIZES, batch_size})}
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
        f"One write for each product in a batch, not for each event: in batches of one, this stream of {len(told):,} "
        f"records takes {count_writes(told, 1):,} writes, in full batches of {batch_size:,} it takes "
        f"{count_writes(told, batch_size):,}. The batches of this run held {usual:,.0f} records on average: the pipe "
        "does not wait for a batch to fill."
    )
    alt = "Falling line of writes per record against batch size, both axes logarithmic."
    return Drawing(figure, caption, alt)


def count_writes(told: pd.DataFrame, batch_size: int) -> int:
    """Count the projector's writes: in every batch, the products that an applied event or a re-send moves on."""
    batch = told.groupby("shard_id").cumcount() // batch_size
    moved = told.assign(batch=batch)[told["outcome"] != "quarantined"]
    return len(moved[["shard_id", "batch", "partition_key"]].drop_duplicates())


BESIDE: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": 8, "color": INK}
BELOW: dict[str, Any] = {"textcoords": "offset points", "fontsize": 8, "color": INK}


def _busiest(applied: pd.DataFrame, most: int) -> list[str]:
    return [str(product_id) for product_id in _by_size(applied["partition_key"]).index[:most]]


def _by_size(values: pd.Series) -> pd.Series:
    """Count values, the most frequent first, and in a fixed order where there is a tie."""
    return values.value_counts().sort_index().sort_values(ascending=False, kind="stable")


def _label_ends(axes: Axes, ends: dict[str, tuple[float, float, str]]) -> None:
    """Write each line's name at its end, moved apart where two ends are close."""
    top = axes.get_ylim()[1]
    lowest = -top
    for name, (x, y, hue) in sorted(ends.items(), key=lambda each: each[1][1]):
        lowest = place = max(y, lowest + top * 0.055)
        axes.annotate(
            name, (x, y), xytext=(axes.get_xlim()[1], place), textcoords="data", va="center", fontsize=8, color=hue
        )
