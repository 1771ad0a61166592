"""The drains of the benchmark, predicted by models that have not seen them: what the models are worth."""

from math import nan

import numpy as np
import pandas as pd

from pipeline.scale import calibration
from pipeline.scale.calibration import FUNCTION, MACHINE, Work
from pipeline.scale.lanes import Course, Lane, Pipe, Projector
from pipeline.scale.simulation import simulate
from pipeline.scale.writes import Day, expected_writes, shards_of


def drain(day: Day, batch_size: int, work: Work, seed: int = 7) -> list[Course]:
    """Simulate how the local cloud works off a day that is all there: every batch waits for the one machine.

    Args:
        day: the story.
        batch_size: the most records in a batch.
        work: the machine's, fitted to whole drains; it contains the pipe's waiting, so here the pipe polls at once.
        seed: another seed, other batches.
    """
    products = round(day.on_the_shelf(day.events))
    shares, shard_of = day.shares(products), shards_of(products, day.shards)
    parts = [np.where(shard_of == shard, shares, 0) for shard in range(day.shards)]
    lanes = [Lane(0, part, round(day.events * part.sum() / shares.sum())) for part in parts if part.any()]
    pipe = Pipe(batch_size, poll_every=0.001, reads_a_second=1e9)
    return simulate(lanes, pipe, Projector(work), machines=1, seed=seed)


def check(drains: pd.DataFrame, shards: int) -> pd.DataFrame:
    """Compare every drain of ours with what is said of it by a fit to the others, by the formula and by the simulation.

    Args:
        drains: from `results.drains`.
        shards: only drains with that many are fitted to; the others are predicted from all of those.

    Returns:
        One row for each drain: seconds of the function and of the drain, writes; measured and predicted.
    """
    fitted = calibration.fitted_with(drains, shards)
    ours = drains[(drains["contender"] == "ours") & (drains["shards"] != shards)]
    rows = []
    for number, row in pd.concat([fitted, ours], ignore_index=True).iterrows():
        seen = fitted.drop(index=number) if number in fitted.index else fitted
        machine, function = calibration.fit(seen, MACHINE), calibration.fit(seen, FUNCTION)
        day, batch_size = Day.of(row), int(row["batch_size"])
        rows.append(
            {
                "drain": calibration.label(row),
                "writes": row["writes"],
                "formula": expected_writes(day, batch_size),
                "function s": row[FUNCTION],
                "held out": float(calibration.predict(function, row)),
                "drain s": row[MACHINE],
                "simulated": _simulated(day, batch_size, machine),
            }
        )
    return pd.DataFrame(rows).set_index("drain")


def _simulated(day: Day, batch_size: int, machine: Work) -> float:
    """Return the seconds of a drain; the simulation knows no shelf that fills, so of such a day it says nothing."""
    return max(course.ended for course in drain(day, batch_size, machine)) if day.is_settled else nan


def errors(checked: pd.DataFrame) -> pd.DataFrame:
    """Return the relative errors of the three predictions."""
    pairs = {"writes": "formula", "function s": "held out", "drain s": "simulated"}
    return pd.DataFrame({found: checked[said] / checked[found] - 1 for found, said in pairs.items()})


def shown(checked: pd.DataFrame) -> pd.DataFrame:
    """Return the comparison as a reader wants it: measured, predicted, and by how much it is off."""
    off = errors(checked)
    formats = {"writes": "{:,.0f}", "formula": "{:,.0f}"}
    cells = {name: checked[name].map(formats.get(name, "{:.2f}").format) for name in checked}
    for found, after in (("writes", "formula"), ("function s", "held out"), ("drain s", "simulated")):
        cells[after] = (cells[after] + off[found].map(_off)).where(checked[after].notna(), "")
    return pd.DataFrame(cells)


def _off(error: float) -> str:
    return f" ({round(error, 2) + 0:+.0%})".replace("-", "−").replace("+0%", "0%")
