"""The event catalogue: fresh, true to docs/contract.md, and stopped by whatever it has no words for."""

import json
import re
from typing import Annotated, Literal, get_args

import pytest
from pydantic import BaseModel, Field
from stock_projector.events import EVENTS, Reason, Record, Refusal, SequenceNumber, parse
from stock_projector.projection import Change, decide

from pipeline import catalogue
from pipeline.catalogue import __main__ as command
from pipeline.catalogue import page as pages
from pipeline.catalogue import samples
from pipeline.catalogue.fields import NoWordsError, fields
from pipeline.consistency import oracle
from tests.doubles.events import SAMPLE, added, incremented
from tests.repository import contract

LAPTOP, BILLION = "P98765", 1_000_000_000
BY_THE_CONTRACT = {  # docs/contract.md, section 2, without the remark in brackets
    contract.names(event)[0]: tuple(effect.partition(" (")[0] for effect in effects)
    for event, *effects in contract.table("2", "event")
}
BEFORE = {  # what the product that a sample meets had been told
    "already_active": [SAMPLE],
    "insufficient_stock": [SAMPLE],
    "quantity_overflow": [added(quantity=BILLION), *[incremented(quantity=BILLION)] * 999],
}


def test_the_page_is_fresh():
    """Write it again with `python -m pipeline.catalogue`."""
    assert pages.PAGE.read_text("utf-8") == pages.page()


def test_check_is_red_for_a_page_that_says_something_else(tmp_path, monkeypatch, capsys):
    assert command.main(["--check"]) == 0
    monkeypatch.setattr(pages, "PAGE", tmp_path / "events.md")
    monkeypatch.setattr(command, "PAGE", tmp_path / "events.md")
    assert command.main(["--check"]) == 1
    assert command.main([]) == 0
    assert command.main(["--check"]) == 0
    (tmp_path / "events.md").write_text(pages.page().replace("1 to 64", "1 to 65"), "utf-8")
    assert command.main(["--check"]) == 1
    assert "docs/events.md is stale: run python -m pipeline.catalogue" in capsys.readouterr().err


@pytest.mark.parametrize("name", EVENTS)
def test_it_says_of_every_event_what_the_contract_says(name):
    assert samples.effects(name) == BY_THE_CONTRACT[name]


@pytest.mark.parametrize("name", EVENTS)
def test_the_sample_on_the_page_is_valid_and_the_laptops(name):
    [sample] = re.findall(rf"^## {name}$.*?^```json$(.*?)^```$", pages.PAGE.read_text("utf-8"), re.DOTALL | re.M)
    event = parse(Record(sample.encode(), LAPTOP, SequenceNumber("1"), "", 0.0, ""))
    assert type(event) is EVENTS[name]
    said = json.loads(sample)
    assert said["product"].items() <= SAMPLE["product"].items()


@pytest.mark.parametrize("reason", sorted({*get_args(Reason)} - {"out_of_order"}))  # the oracle reads in order
def test_the_oracle_refuses_the_sample_on_the_page_for_the_same_reason(reason):
    [sample] = re.findall(rf"^### {reason}$.*?^```$\n(.*?)\n^```$", pages.PAGE.read_text("utf-8"), re.DOTALL | re.M)
    products: dict = {}
    for place, said in enumerate(BEFORE.get(reason, []), start=2):
        assert oracle.judge(json.dumps(said).encode(), LAPTOP, str(place), products) == "applied"
    key = "P12345" if reason == "wrong_partition_key" else LAPTOP
    assert oracle.judge(sample.encode(), key, "5000", products) == reason


@pytest.mark.parametrize("refused", samples.refusals(), ids=lambda refused: refused.reason)
def test_a_sample_is_on_the_page_with_what_the_projector_says(refused):
    shown = pages.PAGE.read_text("utf-8").split(f"### {refused.reason}\n")[1].split("### ")[0]
    assert refused.sample.data.decode() in shown
    assert refused.detail in shown
    assert refused.meets in shown


def test_the_tables_for_the_notebooks_hold_every_event_and_every_field():
    types, told = catalogue.event_types(), catalogue.event_fields()
    assert list(types.index) == list(EVENTS)
    assert set(told.index) == {field.name for model in EVENTS.values() for field in fields(model)}
    assert told.loc["event_id", "in"] == "every event, optional"
    assert told.loc["product.product_name", "in"] == "product_added"
    assert list(told.loc["product.quantity", "rule"]) == ["0 to 1,000,000,000", "1 to 1,000,000,000"]


# ── What it has no words for stops it ──


class Even(BaseModel):
    """A rule that the catalogue does not know."""

    quantity: Annotated[int, Field(multiple_of=2)]


class Weighed(BaseModel):
    """A type that the catalogue does not know."""

    quantity: float


@pytest.mark.parametrize("model", [Even, Weighed])
def test_an_annotation_without_words_is_an_error(model):
    with pytest.raises(NoWordsError):
        list(fields(model))


def test_a_reason_without_a_sample_is_an_error(monkeypatch):
    monkeypatch.setattr(samples, "Reason", Literal[Reason, "too_late"])
    with pytest.raises(NoWordsError, match="no sample is refused as too_late"):
        samples.refusals()


WRONG_RULES = {
    "a removal keeps the stock": lambda level, event: Change(level.product_name, False, level.quantity),
    "an increment adds one too many": lambda level, event: Change(level.product_name, True, level.quantity + 11),
    "an added product has no name": lambda level, event: Change("", True, 10),
}


@pytest.mark.parametrize("rule", WRONG_RULES.values(), ids=WRONG_RULES)
def test_an_effect_without_words_is_an_error(monkeypatch, rule):
    monkeypatch.setattr(samples, "decide", rule)
    with pytest.raises(NoWordsError):
        [samples.effects(name) for name in EVENTS]


def test_a_limit_that_moved_is_seen(monkeypatch):
    def generous(level, event):
        answer = decide(level, event)
        refused = isinstance(answer, Refusal) and answer.reason == "insufficient_stock"
        return Change(level.product_name, True, level.quantity - event.product.quantity) if refused else answer

    monkeypatch.setattr(samples, "decide", generous)
    assert samples.effects("quantity_decremented") != BY_THE_CONTRACT["quantity_decremented"]
