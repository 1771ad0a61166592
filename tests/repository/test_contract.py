"""docs/contract.md says what the code does, and every reference to one of its sections finds it."""

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml
from stock_projector.events import EVENTS, Reason, Refusal
from stock_projector.item import to_item
from stock_projector.projection import Outcome, StockLevel
from stock_projector.quarantine import Refused, item_for
from stock_projector.statements import VERDICTS

from pipeline import __main__ as command_line
from pipeline import report
from pipeline.paths import ROOT
from pipeline.report import ReportResult
from tests.doubles.events import record
from tests.repository import contract

TEXTS = {".py", ".md", ".yaml", ".ipynb", ".toml", ".j2", ".typ"}
FORMS = re.compile(r"contract\.md(?:#([\w-]+)|, sections? (\d(?:(?:, | and )\d)*))")


def dangling(text: str) -> list[str]:
    """Return the references to the contract's sections that lead nowhere, or that do not say where the page is."""
    there = {*contract.anchors(), *contract.sections()}
    lines = [line for line in text.splitlines() if re.search(r"\bcontract\b", line)]
    missing = [
        match[0]
        for line in lines
        for match in FORMS.finditer(line)
        if not there.issuperset([match[1]] if match[1] else re.findall(r"\d", match[2]))
    ]
    return missing + [line for line in lines if re.search(r"[Ss]ections? \d", FORMS.sub("", line))]


def test_every_reference_leads_to_a_section():
    top = [path for path in ROOT.iterdir() if not path.name.startswith(".")]
    files = [file for path in top for file in ([path] if path.is_file() else path.rglob("*"))]
    texts = [file for file in files if file.suffix in TEXTS and "build" not in file.parts and file != Path(__file__)]
    wrong = {str(file.relative_to(ROOT)): lost for file in texts if (lost := dangling(file.read_text("utf-8")))}
    assert wrong == {}, "write `docs/contract.md, section N`, or a link to one of its headings"


@pytest.mark.parametrize(
    "text",
    ["section 4 of the contract", "docs/contract.md, section 9", "docs/contract.md, sections 2 and 9",
     "[the contract](contract.md#3-every-record)"],
)  # fmt: skip
def test_a_reference_that_leads_nowhere_is_found(text):
    assert dangling(text)


def test_events_outcomes_and_reasons():
    assert [contract.names(event) for event, *_ in contract.table("2", "event")] == [[name] for name in EVENTS]
    outcomes = [name for outcome, *_ in contract.table("3", "outcome") for name in contract.names(outcome)]
    assert outcomes == [*Outcome, "quarantined"]
    reasons = [name for reason, _ in contract.table("3", "reason") for name in contract.names(reason)]
    assert reasons == list(get_args(Reason))


def test_the_attributes_of_an_item_in_quarantine():
    said = {name: kind for attribute, kind, _ in contract.table("3", "attribute") for name in contract.names(attribute)}
    items = [
        item_for(Refused(record(data), Refusal("already_active", "it is active", "1")), now=0, keep_seconds=1)
        for data in (b"7", b"x" * 2**20)
    ]
    assert said == {name: kind for item in items for name, value in item.items() for kind in value}


def test_every_error_code_of_a_statement():
    codes = [name for code, *_ in contract.table("4", "code") for name in contract.names(code)]
    assert sorted(codes) == sorted(VERDICTS)


def test_the_attributes_of_an_item():
    said = {name: kind for attribute, kind, _ in contract.table("4", "attribute") for name in contract.names(attribute)}
    removed = StockLevel("P98765", last_sequence_number=1)
    removed.memory.remember(b"a digest", 1)
    item = to_item(removed)
    assert said == {name: kind for name, value in item.items() for kind in value}


def test_the_outputs_of_the_stack():
    [said] = re.findall(r"^Stack outputs: (.*?)\. ", contract.sections()["6"], re.MULTILINE | re.DOTALL)
    outputs = re.findall(r"^Outputs:\n(.*)", (ROOT / "infra" / "stack.yaml").read_text(), re.MULTILINE | re.DOTALL)
    assert sorted(contract.names(said)) == sorted(yaml.safe_load(re.sub(r"!\w+", "", outputs[0])))


def help_of(capsys, *verb: str) -> str:
    assert command_line.main([*verb, "--help"]) == 0
    return capsys.readouterr().out


def helps_of(capsys, verb: str) -> str:
    """Return the help of a verb, or of all that it can be told to do."""
    told = getattr(command_line.main_command.commands[verb], "commands", {})
    return "".join(help_of(capsys, verb, *names) for names in ([[name] for name in told] or [[]]))


def test_the_verbs_and_their_options(capsys):
    rows = {contract.names(verb)[0]: does for verb, does, _ in contract.table("6", "verb")}
    assert rows.keys() == set(re.findall(r"^ {2,4}([a-z]+) {2,}\S", help_of(capsys), re.MULTILINE))
    everywhere = {name for name in contract.names(contract.sections()["6"].partition("| verb")[0]) if name[:2] == "--"}
    options = {verb: {name for name in contract.names(does) if name[:2] == "--"} for verb, does in rows.items()}
    shown = {verb: set(re.findall(r"^ +(--[a-z-]+)", helps_of(capsys, verb), re.MULTILINE)) for verb in rows}
    assert {verb: {name.split()[0] for name in names | everywhere} for verb, names in options.items()} == shown


def test_what_the_verbs_print_with_json(running, inventory_here, monkeypatch, tmp_path):
    result = ReportResult(tmp_path, tmp_path, [{"name": "00_overview", "seconds": 1.0}], [])
    monkeypatch.setattr(report, "make_report", lambda *_: result)
    printed = {
        "up": running.facts,
        "send": inventory_here("send", "--events", 3),
        "down": {"deleted": True},  # tests/conftest.py compares it when it takes the cloud down
        **{verb: inventory_here(verb) for verb in ("audit", "snapshot", "redrive", "rebuild", "status", "report")},
        "watch": inventory_here("watch"),
    }
    [printed["stock"], *_] = inventory_here("stock", "--all")
    [printed["history"], *_] = inventory_here("history", printed["stock"]["product_id"])
    keys = {}
    for verb, _, prints in contract.table("6", "verb"):
        if match := re.search(r"`\[?\{(.*?)\}\]?`", prints):
            keys[contract.names(verb)[0]] = re.findall(r'"(\w+)"', match[1])
    assert keys == {verb: list(facts) for verb, facts in printed.items()}
    assert all(isinstance(line, str) for line in inventory_here("logs"))
