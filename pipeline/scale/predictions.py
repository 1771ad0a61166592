"""Predict the drains that the benchmark measured, by models that have not seen them, and compare."""

from math import nan

import numpy as np
import pandas as pd

from pipeline.scale import calibration
from pipeline.scale.calibration import FUNCTION, MACHINE, Work
from pipeline.scale.simulation import simulate
from pipeline.scale.simulation_model import PartResult, Pipe, Projector, ShardPart
from pipeline.scale.write_formula import StoryShape, expected_writes, shards_of


def simulate_drain(story: StoryShape, batch_size: int, work: Work, seed: int = 7) -> list[PartResult]:
    """Simulate how the local cloud works off a story that is all there: every batch waits for the one machine.

    Args:
        story: the story.
        batch_size: the most records in a batch.
        work: the machine's, fitted to whole drains; it contains the pipe's waiting, so here the pipe polls at once.
        seed: another seed, other batches.
    """
    products = round(story.on_the_shelf(story.events))
    shares, shard_of = story.shares(products), shards_of(products, story.shards)
    parts = [np.where(shard_of == shard, shares, 0) for shard in range(story.shards)]
    parts_of_shards = [
        ShardPart(0, part, round(story.events * part.sum() / shares.sum())) for part in parts if part.any()
    ]
    pipe = Pipe(batch_size, poll_every=0.001, reads_a_second=1e9)
    return simulate(parts_of_shards, pipe, Projector(work), machines=1, seed=seed)


def compare(drains: pd.DataFrame, shards: int) -> pd.DataFrame:
    """Compare every drain of the projector with what a fit to the others, the formula and the simulation predict.

    Args:
        drains: from `benchmark.drains`.
        shards: only drains with that many are fitted to; the others are predicted from all of those.

    Returns:
        One row for each drain: seconds of the function and of the drain, writes; measured and predicted.
    """
    fitted = calibration.fitted_with(drains, shards)
    others = drains[(drains["contender"] == "projector") & (drains["shards"] != shards)]
    rows = []
    for number, row in pd.concat([fitted, others], ignore_index=True).iterrows():
        seen = fitted.drop(index=number) if number in fitted.index else fitted
        machine, function = calibration.fit(seen, MACHINE), calibration.fit(seen, FUNCTION)
        story, batch_size = StoryShape.of(row), int(row["batch_size"])
        rows.append(
            {
                "drain": calibration.label(row),
                "writes": row["writes"],
                "formula": expected_writes(story, batch_size),
                "function s": row[FUNCTION],
                "held out": float(calibration.predict(function, row)),
                "drain s": row[MACHINE],
                "simulated": _simulated(story, batch_size, machine),
            }
        )
    return pd.DataFrame(rows).set_index("drain")


def _simulated(story: StoryShape, batch_size: int, machine: Work) -> float:
    """Return the seconds of a drain; none while products are still being added, which the simulation leaves out."""
    return max(part.ended for part in simulate_drain(story, batch_size, machine)) if story.is_settled else nan


def errors(compared: pd.DataFrame) -> pd.DataFrame:
    """Return the relative errors of the three predictions."""
    pairs = {"writes": "formula", "function s": "held out", "drain s": "simulated"}
    return pd.DataFrame({actual: compared[predicted] / compared[actual] - 1 for actual, predicted in pairs.items()})


def as_text(compared: pd.DataFrame) -> pd.DataFrame:
    """Return the comparison as a reader wants it: measured, predicted, and by how much it is off."""
    off = errors(compared)
    formats = {"writes": "{:,.0f}", "formula": "{:,.0f}"}
    cells = {name: compared[name].map(formats.get(name, "{:.2f}").format) for name in compared}
    for actual, predicted in (("writes", "formula"), ("function s", "held out"), ("drain s", "simulated")):
        cells[predicted] = (cells[predicted] + off[actual].map(_off)).where(compared[predicted].notna(), "")
    return pd.DataFrame(cells)


def _off(error: float) -> str:
    return f" ({round(error, 2) + 0:+.0%})".replace("-", "−").replace("+0%", "0%")
