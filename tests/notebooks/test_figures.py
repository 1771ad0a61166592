"""The figures are drawn from data, say what the data show, and come out the same every time."""

import json
import re

import pandas as pd
import pytest

from pipeline import notebook as tutorial
from pipeline.notebook import figures, svg
from pipeline.notebook.show import TEMPLATE
from pipeline.reading.stream import StreamRecord
from pipeline.stories import scenarios


@pytest.fixture(scope="module")
def told() -> pd.DataFrame:
    """A rough day on two shards, every product on one of them."""
    log = []
    for place, entry in enumerate(scenarios.write_story("rough-day", 400, 6, 3), start=1):
        shard_id = f"shardId-{ord(entry.partition_key[-1]) % 2:012}"
        log.append(StreamRecord(entry.data, entry.partition_key, shard_id, str(place), 0.0))
    return tutorial.history(sorted(log, key=lambda record: record.shard_id))


@pytest.fixture
def seen() -> tutorial.Sightings:
    seen = tutorial.Sightings(started=100.0)
    seen.add(3, [{"product_id": "P98765", "version": 1, "quantity": 10}])
    seen.add(9, [{"product_id": "P98765", "version": 4, "quantity": 7}])
    return seen


def drawings(told: pd.DataFrame, seen: tutorial.Sightings) -> list[figures.Drawing]:
    batches = pd.DataFrame({"records": [100, 50], "applied": [80, 0]})
    return [
        figures.stock_over_time(told),
        figures.outcomes(told),
        figures.shards(told),
        figures.writes(told, batches, 100),
        figures.lag(pd.Series([0.1, 0.2, 0.3, 1.5])),
        figures.as_it_happened(seen),
        figures.as_it_happened(tutorial.Sightings()),
    ]


def test_a_figure_is_the_same_every_time(told: pd.DataFrame, seen: tutorial.Sightings) -> None:
    first, second = ([svg.from_drawing(each.figure) for each in drawings(told, seen)] for _ in range(2))
    assert first == second


def test_a_figure_states_its_finding_and_can_be_read_unseen(told: pd.DataFrame, seen: tutorial.Sightings) -> None:
    for drawing in drawings(told, seen):
        assert drawing.caption.endswith(".")
        assert drawing.alt.endswith(".")
        assert all(axes.get_xlabel() for axes in drawing.figure.axes[-1:])


def test_letters_can_be_read_also_those_in_bars_on_a_dark_page(told: pd.DataFrame, seen: tutorial.Sightings) -> None:
    drawn = "".join(svg.from_drawing(each.figure) for each in drawings(told, seen))
    assert min(float(size) for size in re.findall(r"font-size: ([0-9.]+)px", drawn)) >= 8
    assert f"fill: {figures.style.ON_PALE_BAR}" in drawn
    assert figures.style.ON_PALE_BAR not in re.sub(r"/\*.*?\*/", "", (TEMPLATE / "figures-dark.css").read_text())


def test_a_caption_says_what_was_counted(told: pd.DataFrame) -> None:
    counts = told["outcome"].value_counts()
    caption = figures.outcomes(told).caption
    assert f"{counts['applied']} applied, {counts['duplicate']} duplicates" in caption
    assert f"{counts['quarantined']} quarantined" in caption


def test_in_batches_of_one_every_accepted_record_is_a_write(told: pd.DataFrame) -> None:
    assert figures.count_writes(told, 1) == (told["outcome"] != "quarantined").sum()


def test_in_one_batch_a_shard_has_one_write_for_each_product(told: pd.DataFrame) -> None:
    accepted = told[told["outcome"] != "quarantined"]
    assert figures.count_writes(told, 10_000) == accepted["partition_key"].nunique()


def test_history_follows_the_laptop(told: pd.DataFrame) -> None:
    laptop = told[(told["partition_key"] == "P98765") & (told["outcome"] == "applied")]
    assert laptop.iloc[0]["quantity"] == 10
    assert list(laptop["version"]) == list(range(1, len(laptop) + 1))


def test_a_lag_runs_from_accepted_to_the_first_look_that_shows_it(tmp_path, seen: tutorial.Sightings) -> None:
    class Pipeline:
        sent_log = tmp_path / "sent.jsonl"

    sent = [("00", 100.0), ("01", 100.5), ("02", 101.0)]
    place = {"partition_key": "P98765", "shard_id": "s"}
    lines = [json.dumps(place | {"sequence_number": number, "accepted_at": at}) for number, at in sent]
    Pipeline.sent_log.write_text("\n".join(lines))
    looks = [{"at": 100.25, "versions": {"P98765": 1}}, {"at": 102.0, "versions": {"P98765": 3}}]
    (tmp_path / "sent.seen.jsonl").write_text("\n".join(map(json.dumps, looks)))
    told = pd.DataFrame(
        {
            "shard_id": "s",
            "sequence_number": ["00", "01", "02"],
            "partition_key": "P98765",
            "outcome": "applied",
            "version": [1.0, 2.0, 3.0],
        }
    )
    assert list(tutorial.lags(Pipeline, told)) == [0.25, 1.5, 1.0]  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def long_told() -> pd.DataFrame:
    """Far more events than a line can show, of one reason for a refusal at most."""
    log = [
        StreamRecord(entry.data, entry.partition_key, "shardId-000000000000", str(place), 0.0)
        for place, entry in enumerate(scenarios.write_story("everyday", 3000, 6, 3), start=1)
    ]
    return tutorial.history(log)


def test_of_a_long_story_the_newest_part_is_drawn_and_the_caption_says_so(long_told, told) -> None:
    drawing = figures.stock_over_time(long_told)
    [axes] = drawing.figure.axes
    applied = long_told[long_told["outcome"] == "applied"]
    minutes = (applied["happened_at"].max() - applied["happened_at"].min()).total_seconds() / 60
    start = axes.get_xlim()[0]
    assert f"in the last {minutes - start:,.0f} of {minutes:,.0f} minutes" in drawing.caption
    assert max(len(line.get_xdata()) for line in axes.lines) <= 201
    assert all(line.get_xdata()[0] == pytest.approx(start) for line in axes.lines)
    assert "in the last" not in figures.stock_over_time(told).caption


def test_words_beside_bars_do_not_reach_the_next_panel(long_told: pd.DataFrame) -> None:
    many = pd.concat([long_told] * 40)  # six digits
    figure = figures.outcomes(many).figure
    figure.canvas.draw()
    left, right = figure.axes
    ends = [text.get_window_extent().x1 for text in left.texts]
    assert max(ends) < right.get_tightbbox().x0


def test_one_reason_is_not_called_several(told: pd.DataFrame) -> None:
    poison = told[told["outcome"] == "quarantined"]
    of_one = pd.concat([told[told["outcome"] != "quarantined"], poison[poison["reason"] == poison["reason"].iloc[0]]])
    assert "for 1 reason." in figures.outcomes(of_one).caption


def test_keys_too_rare_for_a_segment_are_drawn_together(told: pd.DataFrame) -> None:
    many = pd.concat([told, *(told.head(1).assign(partition_key=f"rare-{n}") for n in range(2000))])
    [axes] = figures.shards(many).figure.axes
    assert len(axes.patches) < 100
    first = told["shard_id"].iloc[0]
    rest = told.loc[told["shard_id"] == first, "partition_key"].nunique()
    assert f"{2000 + rest:,} keys" in {text.get_text().split("records, ")[-1] for text in axes.texts}


def test_of_a_long_sending_the_last_seconds_are_shown(seen: tutorial.Sightings) -> None:
    for look in range(1, 200):
        seen.add(9 + look, [{"product_id": "P98765", "version": 4 + look, "quantity": 7}])
    seen.seconds[:] = [0.1 * number for number in range(len(seen.seconds))]
    drawing = figures.as_it_happened(seen)
    upper, lower = drawing.figure.axes
    assert upper.get_xlim()[0] == 0
    assert lower.get_xlim()[0] == pytest.approx(seen.seconds[-1] - 6, abs=0.11)
    assert "the last 6 s" in drawing.caption
