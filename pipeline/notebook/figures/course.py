"""A failure as it is seen from outside: events sent, events decided on, and how far each shard lags behind."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib import pyplot as plt

from pipeline.notebook.figures.style import ABOVE, BLUE, GREY, HUES, Drawing, with_thousands
from pipeline.notebook.show import style


class Sample(NamedTuple):
    """What was seen at one moment."""

    seconds: float  # since the sending began
    sent: int  # events that the producer knows to be on the stream
    decided: int  # events that the stock table and the quarantine know
    lags: dict[str, float]  # by shard: how long ago the oldest record arrived that the pipe is not done with, seconds


def course(samples: Sequence[Sample]) -> Drawing:
    """Draw what was seen so far."""
    seconds = [sample.seconds for sample in samples]
    shards = sorted({shard_id for sample in samples for shard_id in sample.lags})
    with style():
        figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(6.6, 4.0))
        above.step(seconds, [sample.sent for sample in samples], where="post", color=GREY, label="sent")
        above.step(seconds, [sample.decided for sample in samples], where="post", color=BLUE, label="decided")
        above.set(ylabel="events")
        for shard_id, hue in zip(shards, HUES, strict=False):
            lags = [sample.lags.get(shard_id, 0.0) for sample in samples]
            below.plot(seconds, lags, color=hue, label=f"shard {int(shard_id[-4:])}")
        below.set(xlabel="time since the sending began (seconds)", ylabel="lag (seconds)", ylim=(0, None))
        above.set_xlim(0, None)
        with_thousands(above)
        above.legend(ncols=2, **ABOVE)
        if shards:
            below.legend(ncols=len(shards), **ABOVE)
    alt = "Two charts over seconds: events sent and events decided on; below them each shard's lag."
    first, last = samples[0], samples[-1]
    longest = max((lag for sample in samples for lag in sample.lags.values()), default=0.0)
    told = (
        f"{last.sent - first.decided:,} events were sent into the failure, and {last.decided - first.decided:,} were "
        f"decided on. The longest lag of a shard was {longest:.1f} s."
    )
    return Drawing(figure, told, alt)
