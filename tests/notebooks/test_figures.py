"""The figures are drawn from data, say what the data show, and come out the same every time."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from matplotlib import pyplot as plt

from pipeline.notebook import TableReads, figures, history, lags, svg
from pipeline.notebook.svg import TEMPLATE
from pipeline.reading.stream import StreamRecord
from pipeline.stories import scenarios

LAMP = pd.DataFrame(
    [("applied", 5), ("duplicate", 5), ("quarantined", 5), ("applied", 3), ("pending", 3)], columns=["outcome", "stock"]
)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def judged() -> pd.DataFrame:
    """A rough day on two shards, every product on one of them."""
    log = []
    for place, entry in enumerate(scenarios.write_story("rough-day", 400, 6, 3), start=1):
        shard_id = f"shardId-{ord(entry.partition_key[-1]) % 2:012}"
        log.append(StreamRecord(entry.data, entry.partition_key, shard_id, str(place), 0.0))
    return history(sorted(log, key=lambda record: record.shard_id))


@pytest.fixture
def reads() -> TableReads:
    reads = TableReads(started=100.0)
    reads.add(3, [{"product_id": "P98765", "version": 1, "quantity": 10}])
    reads.add(9, [{"product_id": "P98765", "version": 4, "quantity": 7}])
    return reads


def drawings(judged: pd.DataFrame, reads: TableReads) -> list[figures.Drawing]:
    batches = pd.DataFrame({"records": [100, 50], "applied": [80, 0]})
    return [
        figures.stock_over_time(judged),
        figures.outcomes(judged),
        figures.shards(judged),
        figures.writes(judged, batches, 100),
        figures.lag(pd.Series([0.1, 0.2, 0.3, 1.5])),
        figures.as_it_happened(reads),
        figures.as_it_happened(TableReads()),
        figures.product_history(LAMP, "TALL-LAMP"),
    ]


def test_a_figure_is_the_same_every_time(judged: pd.DataFrame, reads: TableReads) -> None:
    first, second = ([svg.from_drawing(each.figure) for each in drawings(judged, reads)] for _ in range(2))
    assert first == second


def test_a_figure_states_its_finding_and_can_be_read_unseen(judged: pd.DataFrame, reads: TableReads) -> None:
    for drawing in drawings(judged, reads):
        assert drawing.caption.endswith(".")
        assert drawing.alt.endswith(".")
        assert drawing.figure.get_supxlabel() or all(axes.get_xlabel() for axes in drawing.figure.axes[-1:])


def test_letters_can_be_read_also_those_in_bars_on_a_dark_page(judged: pd.DataFrame, reads: TableReads) -> None:
    drawn = "".join(svg.from_drawing(each.figure) for each in drawings(judged, reads))
    assert min(float(size) for size in re.findall(r"font-size: ([0-9.]+)px", drawn)) >= 8
    assert f"fill: {figures.style.ON_PALE_BAR}" in drawn
    assert figures.style.ON_PALE_BAR not in re.sub(r"/\*.*?\*/", "", (TEMPLATE / "figures-dark.css").read_text())


def test_a_caption_says_what_was_counted(judged: pd.DataFrame) -> None:
    counts = judged["outcome"].value_counts()
    caption = figures.outcomes(judged).caption
    assert f"{counts['applied']} applied, {counts['duplicate']} duplicates" in caption
    assert f"{counts['quarantined']} quarantined" in caption


def test_in_batches_of_one_every_accepted_record_is_a_write(judged: pd.DataFrame) -> None:
    assert figures.count_writes(judged, 1) == (judged["outcome"] != "quarantined").sum()


def test_in_one_batch_a_shard_has_one_write_for_each_product(judged: pd.DataFrame) -> None:
    accepted = judged[judged["outcome"] != "quarantined"]
    assert figures.count_writes(judged, 10_000) == accepted["partition_key"].nunique()


def test_history_follows_the_laptop(judged: pd.DataFrame) -> None:
    laptop = judged[(judged["partition_key"] == "P98765") & (judged["outcome"] == "applied")]
    assert laptop.iloc[0]["quantity"] == 10
    assert list(laptop["version"]) == list(range(1, len(laptop) + 1))


def test_a_product_history_counts_outcomes_and_ends_at_the_stock() -> None:
    caption = figures.product_history(LAMP, "TALL-LAMP").caption
    assert "Of 5 records of TALL-LAMP, 2 were applied, 1 were duplicates and 1 quarantined" in caption
    assert "to 3 units in the end" in caption
    assert "The newest 200 are shown." in figures.product_history(pd.concat([LAMP] * 50), "TALL-LAMP").caption


class Stack:
    """Where a notebook keeps what it sent, and what it read of the table meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.sent_log = folder / "sent.jsonl"

    def sent(self, *accepted: tuple[str, float]) -> None:
        place = {"partition_key": "P98765", "shard_id": "s"}
        lines = [json.dumps(place | {"sequence_number": number, "accepted_at": at}) for number, at in accepted]
        self.sent_log.write_text("\n".join(lines))

    def read(self, started: float, *versions: tuple[float, int]) -> None:
        lines = [{"started": started, "before": 0}]
        lines += [{"seconds": at - started, "accepted": 3, "changed": {"P98765": [n, 7]}} for at, n in versions]
        self.sent_log.with_name("reads.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def lags(self) -> list[float]:
        applied = {"shard_id": "s", "partition_key": "P98765", "outcome": "applied", "version": [1.0, 2.0, 3.0]}
        return list(lags(self, pd.DataFrame(applied | {"sequence_number": ["00", "01", "02"]})))  # type: ignore[arg-type]


def test_a_lag_runs_from_accepted_to_the_first_read_that_shows_it(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    stack.sent(("00", 100.0), ("01", 100.5), ("02", 101.0))
    stack.read(100.0, (100.25, 1), (102.0, 3))
    assert stack.lags() == [0.25, 1.5, 1.0]


def test_what_was_accepted_while_nobody_read_the_table_has_no_lag(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    assert stack.lags() == []
    stack.sent(("00", 100.0), ("01", 160.5), ("02", 161.0))
    with stack.sent_log.open("a") as log:
        log.write('\n{"partition_key": "P987')  # the producer was killed while it wrote
    stack.read(160.0, (160.0, 1), (162.0, 3))  # the sending was interrupted, and resumed a minute later
    assert stack.lags() == [1.5, 1.0]


def test_no_lag_at_all_is_said_and_drawn() -> None:
    assert "No lag was measured" in figures.lag(pd.Series([], dtype=float)).caption


def test_what_was_read_can_be_shown_again_as_it_was(tmp_path: Path) -> None:
    reads, file = TableReads(started=100.0, before=2), tmp_path / "reads.jsonl"
    items = [
        {"product_id": "P98765", "version": 1, "quantity": 10},
        {"product_id": "P10001", "version": 7, "quantity": 3},
    ]
    lines = [reads.first_line(), reads.add(3, items)]
    lines.append(reads.add(9, [items[0] | {"version": 2, "quantity": 0}, items[1]]))
    file.write_text("\n".join([*lines, '{"seconds": 1']))  # killed while it wrote the third read
    assert TableReads.load(file) == reads
    assert "P10001" not in lines[2], "what did not change is not written again"
    assert figures.as_it_happened(TableReads.load(file)).caption == figures.as_it_happened(reads).caption
    assert "(2 of them sent before)" in figures.as_it_happened(reads).caption
    assert TableReads.load(tmp_path / "none.jsonl") == TableReads()


@pytest.fixture(scope="module")
def long_story() -> pd.DataFrame:
    """Far more events than a line can show, of one reason for a refusal at most."""
    log = [
        StreamRecord(entry.data, entry.partition_key, "shardId-000000000000", str(place), 0.0)
        for place, entry in enumerate(scenarios.write_story("everyday", 3000, 6, 3), start=1)
    ]
    return history(log)


def test_of_a_long_story_the_newest_part_is_drawn_and_the_caption_says_so(long_story, judged) -> None:
    drawing = figures.stock_over_time(long_story)
    axes, lines = drawing.figure.axes[0], [panel.lines[0] for panel in drawing.figure.axes]  # then a dot at its end
    applied = long_story[long_story["outcome"] == "applied"]
    minutes = (applied["happened_at"].max() - applied["happened_at"].min()).total_seconds() / 60
    start = axes.get_xlim()[0]
    assert f"in the last {minutes - start:,.0f} of {minutes:,.0f} minutes" in drawing.caption
    assert max(len(line.get_xdata()) for line in lines) <= 201
    assert all(line.get_xdata()[0] == pytest.approx(start) for line in lines)
    assert "in the last" not in figures.stock_over_time(judged).caption


def test_words_beside_bars_do_not_reach_the_next_panel(long_story: pd.DataFrame) -> None:
    many = pd.concat([long_story] * 40)  # six digits
    figure = figures.outcomes(many).figure
    figure.canvas.draw()
    left, right = figure.axes
    ends = [text.get_window_extent().x1 for text in left.texts]
    assert max(ends) < right.get_tightbbox().x0


def test_one_reason_is_not_called_several(judged: pd.DataFrame) -> None:
    poison = judged[judged["outcome"] == "quarantined"]
    of_one = pd.concat(
        [judged[judged["outcome"] != "quarantined"], poison[poison["reason"] == poison["reason"].iloc[0]]]
    )
    assert "for 1 reason." in figures.outcomes(of_one).caption


def test_keys_too_rare_for_a_segment_are_drawn_together(judged: pd.DataFrame) -> None:
    many = pd.concat([judged, *(judged.head(1).assign(partition_key=f"rare-{n}") for n in range(2000))])
    [axes] = figures.shards(many).figure.axes
    assert len(axes.patches) < 100
    first = judged["shard_id"].iloc[0]
    rest = judged.loc[judged["shard_id"] == first, "partition_key"].nunique()
    assert f"{2000 + rest:,} keys" in {text.get_text().split("records, ")[-1] for text in axes.texts}


def test_the_live_figure_says_where_both_lines_end(reads: TableReads) -> None:
    [axes] = figures.as_it_happened(reads).figure.axes
    assert [text.get_text() for text in axes.texts] == ["9", "4"]


def test_marks_of_records_that_changed_nothing_do_not_cover_the_stock() -> None:
    [axes] = figures.product_history(LAMP, "TALL-LAMP").figure.axes
    stock, *marks = [
        line for line in axes.lines if line.get_label() in ("stock", "duplicate record", "quarantined record")
    ]
    assert min(stock.get_ydata()) >= 0
    assert [(len(line.get_ydata()), max(line.get_ydata()) < 0) for line in marks] == [(1, True), (1, True)]
