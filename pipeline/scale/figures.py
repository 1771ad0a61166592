"""The figures of scale and cost; each as a `Drawing`, with a caption that states what its data show."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from pipeline.figures import BESIDE, BLUE, GREEN, GREY, HUES, INK, ORANGE, PINK, SKY, VERMILION, Drawing
from pipeline.report import style
from pipeline.scale import hot, results
from pipeline.scale.lanes import Course
from pipeline.scale.results import NAMES, Found
from pipeline.scale.writes import Day, expected_writes

MILLION = 1_000_000
LINES = {  # of a bill, in the order in which they are stacked
    "Kinesis": GREY,
    "Pipes": ORANGE,
    "Lambda": GREEN,
    "DynamoDB writes": BLUE,
    "DynamoDB reads": SKY,
    "SQS and logs": PINK,
}


def speed(found: Found) -> Drawing:
    """Draw the events a second of every contender, with the spread of its rounds, beside the ceiling."""
    rows = results.compared(found)
    sizes = sorted(rows["batch_size"].unique())
    with style():
        figure, panels = plt.subplots(1, len(sizes), figsize=(7.2, 2.4), sharey=True, squeeze=False)
        for axes, size in zip(panels[0], sizes, strict=True):
            part = rows[(rows["batch_size"] == size) & (rows["contender"] != "no_op")]
            names, values = part["contender"].map(NAMES), part["events_per_second"]
            spread = [values - part["slowest"], part["fastest"] - values]
            axes.barh(names, values, xerr=spread, color=BLUE, height=0.6, error_kw={"ecolor": INK, "elinewidth": 1})
            axes.axvline(part["ceiling"].iloc[0], color=VERMILION, linewidth=1, linestyle=(0, (4, 2)))
            for row, value in enumerate(values):
                axes.annotate(f"{value:,.0f}", (part["fastest"].iloc[row], row), xytext=(5, 0), **BESIDE)
            axes.set(xlabel="events a second", xlim=(0, part["ceiling"].iloc[0] * 1.1))
            axes.set_title(f"batches of {size:,}")
            axes.xaxis.set_major_formatter("{x:,.0f}")
            axes.grid(visible=False)
        panels[0][0].invert_yaxis()  # of all panels: they share it
    best = rows[(rows["contender"] == "ours") & (rows["batch_size"] == sizes[-1])].iloc[0]
    caption = (
        f"In batches of {sizes[-1]:,}, folding works off {best['events_per_second']:,.0f} events a second, "
        f"{best['to_plain']:.1f} times as many as a write for each event, and {best['to_ceiling']:.0%} of what "
        "doing nothing, plus a bare replay of its requests, would allow (dashed). "
        "Thin lines: slowest and fastest round."
    )
    return Drawing(figure, caption, "Bars of events a second for each contender, one panel for each batch size.")


def writes(found: Found) -> Drawing:
    """Draw measured writes per event on the line of the formula: against batch size, skew and number of products."""
    sweeps = {
        "batch_size": ("records in a batch", "log", np.unique(np.geomspace(50, 12_000, 25).astype(int))),
        "skew": ("skew", "linear", np.linspace(0, 2, 13)),
        "products": ("products", "log", np.unique(np.geomspace(40, 20_000, 25).astype(int))),
    }
    with style():
        figure, panels = plt.subplots(1, len(sweeps), figsize=(7.2, 2.7))
        for axes, (name, (label, scale, along)) in zip(panels, sweeps.items(), strict=True):
            measured = results.sweep(found, name)
            row = measured.iloc[0].to_dict()
            line = [_writes_of(row | {name: value}) for value in along.tolist()]
            axes.plot(along, line, color=GREY, label="formula")
            axes.plot(measured[name], measured["writes"] / measured["events"], "o", color=BLUE, label="measured")
            axes.set(xlabel=label, xscale=scale, ylim=(0, None))
            axes.xaxis.set_major_formatter("{x:,g}")
            axes.minorticks_off()
        panels[0].set_ylabel("writes for an event")
        panels[0].legend(loc="upper right")
    ours = results.drains(found).query("contender == 'ours'")
    off = [abs(_writes_of(each) * each["events"] / each["writes"] - 1) for each in ours.to_dict("records")]
    caption = (
        f"Measured writes lie on the formula's line: of {len(ours)} drains, the worst is off by {max(off):.1%}. Larger "
        "batches, unlike popularity and fewer products make writes rare; nothing is fitted here."
    )
    return Drawing(figure, caption, "Three panels with a falling, a falling and a rising line; dots lie on the lines.")


def _writes_of(row: Mapping) -> float:
    day = Day.of(row)
    return expected_writes(day, int(row["batch_size"])) / day.events


def bills(priced: pd.DataFrame) -> Drawing:
    """Draw the bills for a million events: each with Pipes read both ways, with provisioned shards.

    Args:
        priced: from `cost.bills`.
    """
    readings = ("Pipes, by 64 KB", "Pipes, by record")
    with style():
        figure, axes = plt.subplots(figsize=(6.8, 0.9 + 0.55 * len(priced.columns)))
        for row, name in enumerate(priced.columns):
            for offset, reading in zip((-0.19, 0.19), readings, strict=True):
                _stack(axes, row + offset, priced[name], reading)
        axes.set_yticks(range(len(priced.columns)), [NAMES.get(name, name) for name in priced.columns])
        axes.set(xlabel="dollars for a million events (upper bar: Pipes by 64 KB; lower bar: Pipes by record)")
        axes.set_xlim(0, priced.loc["in all, at most"].max() * 1.12)
        axes.legend(
            handles=[plt.Rectangle((0, 0), 1, 1, color=hue, label=line) for line, hue in LINES.items()],
            loc="upper right",
        )
        axes.invert_yaxis()
        axes.grid(visible=False)
    least, most = priced.loc["in all, at least"], priced.loc["in all, at most"]
    first, dearest = priced.columns[0], str(least.idxmax())
    reading = priced.loc["Pipes, by record", first] - priced.loc["Pipes, by 64 KB", first]
    caption = (
        f"A million events cost ${least[first]:.2f} to ${most[first]:.2f} when they fold as in the benchmark, "
        f"${least[dearest]:.2f} to ${most[dearest]:.2f} with a {NAMES.get(dearest, dearest)}. What a pipe's request is "
        f"makes ${reading:.2f} of difference, for all of them alike."
    )
    return Drawing(figure, caption, "Stacked bars of dollars for a million events, two for each contender.")


def _stack(axes: Axes, row: float, bill: pd.Series, reading: str) -> None:
    together = {"Kinesis": ["Kinesis, provisioned"], "Pipes": [reading], "SQS and logs": ["SQS", "Logs"]}
    start = 0.0
    for line, hue in LINES.items():
        amount = bill[together.get(line, [line])].sum()
        axes.barh(row, amount, left=start, color=hue, height=0.34, linewidth=0)
        start += amount
    axes.annotate(f"{start:.2f}", (start, row), xytext=(4, 0), **BESIDE)


def backlog(courses: Mapping[str, Course]) -> Drawing:
    """Draw what waits on the shard of a product that everybody wants, before, during and after an hour's outage."""
    start, end = hot.OUTAGE
    with style():
        figure, axes = plt.subplots(figsize=(6.6, 3.2))
        for (name, course), hue in zip(courses.items(), HUES, strict=False):
            times, waiting = np.array([(time, left) for time, left, _ in course.seen]).T
            keep = np.unique(np.linspace(0, len(times) - 1, 400).astype(int))
            axes.plot(times[keep] / 60, waiting[keep] / MILLION, color=hue, label=f"{name}: {hot.said(course)}")
        axes.axvspan(start / 60, end / 60, color=GREY, alpha=0.15, linewidth=0)
        axes.set(xlabel="time (minutes; the outage is shaded)", ylabel="records that wait (million)")
        axes.set(ylim=(0, None), xlim=(0, hot.LOOK_SECONDS / 60))
        axes.legend(  # above the plot: over the grey hour and the lines its words would be hard to read
            loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, title="made up for the outage after"
        )
    folded, single, *_ = courses.values()
    caption = (
        f"An hour's outage of a shard with one bestseller is made up for after {hot.said(folded)} if its events are "
        f"folded, after {hot.said(single)} at one write for each: DynamoDB takes 1,000 write units a second for one "
        "item, and the events that come meanwhile need most of them. The function itself takes no time here."
    )
    return Drawing(figure, caption, "Lines of waiting records over minutes: one falls fast, one slowly, one rises.")
