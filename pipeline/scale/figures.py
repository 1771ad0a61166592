"""The figures of scale and cost; each as a `Drawing`, with a caption that states what its data show."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from pipeline.notebook.figures.style import BESIDE, BLUE, GREEN, GREY, INK, ORANGE, PALE, SKY, VERMILION, Drawing
from pipeline.notebook.show import style
from pipeline.scale import benchmark
from pipeline.scale.benchmark import BILLED, NAMES, Measured
from pipeline.scale.calibration import SETTING
from pipeline.scale.write_formula import StoryShape, expected_writes

LINES = {  # of a bill, in the order in which they are stacked
    "Kinesis": GREY,
    "Pipes": ORANGE,
    "DynamoDB writes": BLUE,
    "DynamoDB reads": SKY,
    "Lambda, quarantine, logs": GREEN,
}
READINGS = {  # of a bill: its lines, and how it is counted
    ("Kinesis, provisioned", "Pipes, by 64 KB"): "shards provisioned, a request is 64 KB",
    ("Kinesis, on demand", "Pipes, by record"): "stream on demand, a request is a record",
}


def speed(measured: Measured) -> Drawing:
    """Draw the events a second of every contender, with the spread of its rounds; for the projector its ceiling too."""
    rows = benchmark.compared(measured)
    rows = rows[rows["contender"] != "no_op"].sort_values("events_per_second", ascending=False)
    wrong = {verdict["contender"] for verdict in measured["verdict"] if not verdict["is_right"]}
    lowest, highest = rows["slowest"].min(), rows[["ceiling", "fastest"]].max(axis=None)
    with style():
        figure, axes = plt.subplots(figsize=(6.6, 0.7 + 0.28 * len(rows)))
        for place, row in enumerate(rows.itertuples()):
            hue = VERMILION if row.contender in wrong else BLUE
            axes.plot([lowest / 2, row.slowest], [place, place], color=PALE, linewidth=0.8)
            axes.plot([row.slowest, row.fastest], [place, place], color=hue, linewidth=1.4)
            face = "none" if row.contender in wrong else hue
            axes.plot(row.events_per_second, place, "o", color=hue, markerfacecolor=face, markersize=6)
            said = f"{row.events_per_second:,.0f}" + (", wrong table" if row.contender in wrong else "")
            end = row.fastest
            if row.contender == "projector":
                axes.plot(row.ceiling, place, "|", color=INK, markersize=13, markeredgewidth=1.6)
                end, said = max(row.fastest, row.ceiling), f"{said}, ceiling {row.ceiling:,.0f}"
            axes.annotate(said, (end, place), xytext=(6, 0), **BESIDE)
        names = [f"{NAMES[row.contender]}, batches of {row.batch_size:,}" for row in rows.itertuples()]
        axes.set_yticks(range(len(rows)), names)
        axes.grid(visible=False)
        axes.set(xlabel="events a second (each step is ten times the one before)", xscale="log")
        axes.set_xlim(lowest / 2, highest * 6)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.minorticks_off()
        axes.invert_yaxis()
    best, slower = rows[rows["contender"] == "projector"].iloc[0], rows[rows["contender"] == "projector"].iloc[-1]
    names = sorted(NAMES[contender].partition(":")[0] for contender in wrong)
    caption = (
        f"In batches of {slower['batch_size']:,}, this projector drains a backlog about {slower['to_plain']:.2g} times "
        f"as fast as plain; in batches of {best['batch_size']:,} it drains {best['events_per_second']:,.0f} events a "
        "second. The mark is its ceiling: the speed of a function that does nothing but its requests. Dots are medians "
        "of the rounds, lines go from the slowest to the fastest. Hollow dots: the table was wrong in the "
        f"end ({'; '.join(names) or 'none'}). The limits of AWS's shards were off, to measure the machine."
    )
    return Drawing(figure, caption, f"Dots of events a second, on a logarithmic axis. {caption}")


def writes(measured: Measured) -> Drawing:
    """Draw measured writes per event on the line of the formula: against batch size, skew and number of products."""
    sweeps = {
        "batch_size": ("records in a batch", "log", np.unique(np.geomspace(50, 12_000, 25).astype(int))),
        "skew": ("skew", "linear", np.linspace(0, 2, 13)),
        "products": ("products", "log", np.unique(np.geomspace(40, 20_000, 25).astype(int))),
    }
    with style():
        figure, panels = plt.subplots(1, len(sweeps), figsize=(6.2, 2.5))
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
        f"Measured writes lie on the formula's line: of {len(off)} settings measured, the worst is {max(off):.1%} off. "
        "Larger batches, uneven popularity and fewer products each make writes rarer; nothing is fitted here."
    )
    return Drawing(figure, caption, f"Three panels of writes for an event. {caption}")


def _writes_of(row: Mapping) -> float:
    day = StoryShape.of(row)
    return expected_writes(day, int(row["batch_size"])) / day.events


def bills(priced: pd.DataFrame) -> Drawing:
    """Draw the bills for a million events: each at least, and at most.

    Args:
        priced: from `cost.bills`.
    """
    with style():
        figure, axes = plt.subplots(figsize=(6.6, 0.75 + 0.29 * len(priced.columns)))
        for row, name in enumerate(priced.columns):
            for offset, reading in zip((-0.19, 0.19), READINGS, strict=True):
                _stack(axes, row + offset, priced[name], reading)
        axes.set_yticks(range(len(priced.columns)), [BILLED.get(name, name) for name in priced.columns])
        axes.set(xlabel="dollars for a million events")
        axes.set_xlim(0, priced.loc["in all, at most"].max() * 1.12)
        axes.legend(
            handles=[plt.Rectangle((0, 0), 1, 1, color=hue, label=line) for line, hue in LINES.items()],
            loc="upper right",
            title="\n".join(
                f"{bar} bar: {said}" for bar, said in zip(("upper", "lower"), READINGS.values(), strict=True)
            ),
            title_fontsize=8,
        )
        axes.invert_yaxis()
        axes.grid(visible=False)
    drawn = {reading: sum(_amounts(priced, reading).values()) for reading in READINGS}
    (least, most), first = drawn.values(), priced.columns[0]
    dearest = str(least.idxmax())
    caption = (
        f"A million events cost ${least[first]:.2f} to ${most[first]:.2f} when a batching window lets them fold as in "
        f"the benchmark (200 products, batches of 1,000), ${least[dearest]:.2f} to ${most[dearest]:.2f} with "
        f"{NAMES.get(dearest, dearest)}. How shards are billed, and what counts as a "
        f"pipe's request, shift every bill by about ${most[first] - least[first]:.2f}: the upper bar of a pair has "
        "provisioned shards and requests of 64 KB, the lower one a stream on demand and a request for each record."
    )
    return Drawing(figure, caption, f"Stacked bars of dollars. {caption}")


def _amounts(priced: Any, reading: tuple[str, str]) -> dict[str, Any]:
    """Return what is drawn: dollars by line, of one bill or of all of them."""
    kinesis, pipes = reading
    together = {"Kinesis": [kinesis], "Pipes": [pipes], "Lambda, quarantine, logs": ["Lambda", "Quarantine", "Logs"]}
    return {line: priced.loc[together.get(line, [line])].sum() for line in LINES}


def _stack(axes: Axes, row: float, bill: pd.Series, reading: tuple[str, str]) -> None:
    start = 0.0
    for line, amount in _amounts(bill, reading).items():
        axes.barh(row, amount, left=start, color=LINES[line], height=0.34, linewidth=0)
        start += amount
    axes.annotate(f"{start:.2f}", (start, row), xytext=(4, 0), **BESIDE)
