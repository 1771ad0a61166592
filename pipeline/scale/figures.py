"""The figures of scale and cost; each as a `Drawing`, with a caption that states what its data show."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from pipeline.notebook.figures.style import BESIDE, BLUE, GREEN, GREY, HUES, INK, ORANGE, PINK, SKY, VERMILION, Drawing
from pipeline.notebook.show import style
from pipeline.scale import benchmark, hot_product
from pipeline.scale.benchmark import NAMES, Measured
from pipeline.scale.calibration import SETTING
from pipeline.scale.cost import MILLION
from pipeline.scale.simulation_model import PartResult
from pipeline.scale.write_formula import StoryShape, expected_writes

LINES = {  # of a bill, in the order in which they are stacked
    "Kinesis": GREY,
    "Pipes": ORANGE,
    "Lambda": GREEN,
    "DynamoDB writes": BLUE,
    "DynamoDB reads": SKY,
    "quarantine and logs": PINK,
}
WHISKERS = {"ecolor": INK, "elinewidth": 1}


def speed(measured: Measured) -> Drawing:
    """Draw the events a second of every contender, with the spread of its rounds; for the projector its ceiling too."""
    rows = benchmark.compared(measured)
    rows = rows[rows["contender"] != "no_op"].sort_values("events_per_second", ascending=False)
    with style():
        figure, axes = plt.subplots(figsize=(7.2, 0.8 + 0.32 * len(rows)))
        for place, row in enumerate(rows.itertuples()):
            spread = [[row.events_per_second - row.slowest], [row.fastest - row.events_per_second]]
            axes.barh(place, row.events_per_second, xerr=spread, color=BLUE, height=0.6, error_kw=WHISKERS)
            said = f"{row.events_per_second:,.0f}"
            if row.contender == "projector":
                axes.vlines(row.ceiling, place - 0.42, place + 0.42, color=VERMILION, linewidth=1.6)
                said += f", ceiling {row.ceiling:,.0f}"
            end = max(row.fastest, row.ceiling) if row.contender == "projector" else row.fastest
            axes.annotate(said, (end, place), xytext=(5, 0), **BESIDE)
        names = [f"{NAMES[row.contender]}\nin batches of {row.batch_size:,}" for row in rows.itertuples()]
        axes.set_yticks(range(len(rows)), names)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.set(xlabel="events a second", xlim=(0, rows[["ceiling", "fastest"]].max(axis=None) * 1.3))
        axes.grid(visible=False)
        axes.invert_yaxis()
    best, slower = rows[rows["contender"] == "projector"].iloc[0], rows[rows["contender"] == "projector"].iloc[-1]
    caption = (
        f"In batches of {slower['batch_size']:,}, folding works off {slower['to_plain']:.1f} times as many events a "
        f"second as a write for each event, and {slower['to_ceiling']:.0%} of what doing nothing, plus a bare replay "
        f"of its requests, would allow (mark). In batches of {best['batch_size']:,} it reaches "
        f"{best['events_per_second']:,.0f} events a second, {best['to_ceiling']:.0%} of its ceiling there. "
        "Thin lines: slowest and fastest round."
    )
    return Drawing(figure, caption, "Bars of events a second, one for each contender and batch size.")


def writes(measured: Measured) -> Drawing:
    """Draw measured writes per event on the line of the formula: against batch size, skew and number of products."""
    sweeps = {
        "batch_size": ("records in a batch", "log", np.unique(np.geomspace(50, 12_000, 25).astype(int))),
        "skew": ("skew", "linear", np.linspace(0, 2, 13)),
        "products": ("products", "log", np.unique(np.geomspace(40, 20_000, 25).astype(int))),
    }
    with style():
        figure, panels = plt.subplots(1, len(sweeps), figsize=(7.2, 2.7))
        for axes, (name, (label, scale, along)) in zip(panels, sweeps.items(), strict=True):
            swept = benchmark.sweep(measured, name)
            row = swept.iloc[0].to_dict()
            line = [_writes_of(row | {name: value}) for value in along.tolist()]
            axes.plot(along, line, color=GREY, label="formula")
            axes.plot(swept[name], swept["writes"] / swept["events"], "o", color=BLUE, label="measured")
            axes.set(xlabel=label, ylabel="writes for an event", xscale=scale, ylim=(0, None))
            axes.xaxis.set_major_formatter("{x:,g}")
            axes.minorticks_off()
        panels[0].legend(loc="upper right")
    drains = benchmark.drains(measured).query("contender == 'projector'").drop_duplicates(SETTING)
    off = [abs(_writes_of(drain) * drain["events"] / drain["writes"] - 1) for drain in drains.to_dict("records")]
    caption = (
        f"Measured writes lie on the formula's line: of {len(off)} settings, the worst is {max(off):.1%} off. Larger "
        "batches, uneven popularity and fewer products each make writes rarer; nothing is fitted here."
    )
    return Drawing(figure, caption, "Three panels with a falling, a falling and a rising line; dots lie on the lines.")


def _writes_of(row: Mapping) -> float:
    day = StoryShape.of(row)
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
        axes.set(
            xlabel="dollars for a million events, Kinesis provisioned (upper bar: Pipes by 64 KB; lower: by record)"
        )
        axes.set_xlim(0, priced.loc["in all, at most"].max() * 1.12)
        axes.legend(
            handles=[plt.Rectangle((0, 0), 1, 1, color=hue, label=line) for line, hue in LINES.items()],
            loc="upper right",
        )
        axes.invert_yaxis()
        axes.grid(visible=False)
    drawn = {reading: sum(_amounts(priced, reading).values()) for reading in readings}
    (by_64_kb, by_record), first = drawn.values(), priced.columns[0]
    dearest = str(by_64_kb.idxmax())
    caption = (
        f"A million events cost ${by_64_kb[first]:.2f} or ${by_record[first]:.2f} when they fold as in the benchmark, "
        f"${by_64_kb[dearest]:.2f} or ${by_record[dearest]:.2f} with {NAMES.get(dearest, dearest)}. What a pipe's "
        f"request is makes ${by_record[first] - by_64_kb[first]:.2f} of difference, for all of them alike."
    )
    return Drawing(figure, caption, "Stacked bars of dollars for a million events, two for each contender.")


def _amounts(priced: Any, reading: str) -> dict[str, Any]:
    """Return what is drawn: dollars by line, of one bill or of all of them."""
    together = {"Kinesis": ["Kinesis, provisioned"], "Pipes": [reading], "quarantine and logs": ["Quarantine", "Logs"]}
    return {line: priced.loc[together.get(line, [line])].sum() for line in LINES}


def _stack(axes: Axes, row: float, bill: pd.Series, reading: str) -> None:
    start = 0.0
    for line, amount in _amounts(bill, reading).items():
        axes.barh(row, amount, left=start, color=LINES[line], height=0.34, linewidth=0)
        start += amount
    axes.annotate(f"{start:.2f}", (start, row), xytext=(4, 0), **BESIDE)


def backlog(results: Mapping[str, PartResult]) -> Drawing:
    """Draw what waits on the shard of a product that everybody wants, before, during and after an hour's outage."""
    start, end = hot_product.OUTAGE
    with style():
        figure, axes = plt.subplots(figsize=(6.6, 3.2))
        for (name, result), hue in zip(results.items(), HUES, strict=False):
            times, waiting = np.array([(time, left) for time, left, _ in result.seen]).T
            keep = np.unique(np.linspace(0, len(times) - 1, 400).astype(int))
            axes.plot(
                times[keep] / 60,
                waiting[keep] / MILLION,
                color=hue,
                label=f"{name}: {hot_product.recovery_text(result)}",
            )
        axes.axvspan(start / 60, end / 60, color=GREY, alpha=0.15, linewidth=0)
        axes.set(xlabel="time (minutes; the outage is shaded)", ylabel="records that wait (million)")
        axes.set(ylim=(0, None), xlim=(0, hot_product.SIMULATED_SECONDS / 60))
        axes.legend(  # above the plot: over the grey hour and the lines its words would be hard to read
            loc="lower left", bbox_to_anchor=(0, 1), frameon=False, title="made up for the outage after"
        )
    folded, single, *_ = map(hot_product.recovery_text, results.values())
    caption = (
        f"An hour's outage of a shard with one bestseller is made up for after {folded} if its events are folded, "
        f"after {single} at one write for each: DynamoDB takes 1,000 write units a second for one item, and the events "
        "that come meanwhile need most of them. The function itself takes no time here."
    )
    return Drawing(figure, caption, "Lines of waiting records over minutes: one falls fast, one slowly, one rises.")
