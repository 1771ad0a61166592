"""The drawings are derived: from the template, and from what the projector's code answers."""

import itertools
import re
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree

import pytest
from stock_projector.events import EVENTS, Reason
from stock_projector.projection import Outcome

from pipeline import decision_tree, drawing, flowchart
from pipeline.decision_tree import ACTIVE, ADDED, FULL, NEVER_SEEN, Case, Leaf, ask_the_code, level_after, raw, record
from pipeline.flowchart import TEMPLATE, NoRuleError, derive, render, to_dot
from pipeline.template import Template

LEAVES = decision_tree.leaves()


@pytest.fixture
def changed(tmp_path: Path):
    """Return a function that writes a copy of the template with one text replaced by another."""

    def copy(old: str, new: str) -> Path:
        text = TEMPLATE.read_text("utf-8")
        assert text.count(old) == 1, f"{old!r} should be in the template once"
        path = tmp_path / "stack.yaml"
        path.write_text(text.replace(old, new), "utf-8")
        return path

    return copy


def edge_between(chart: flowchart.Flowchart, source: str, target: str) -> flowchart.Edge:
    (edge,) = (edge for edge in chart.edges if (edge.source, edge.target) == (source, target))
    return edge


def drawn_arrows(dot: str) -> list[str]:
    return [line for line in dot.splitlines() if " -> " in line and "style=invis" not in line]


def words_of(svg: str) -> str:
    return " ".join(" ".join(ElementTree.fromstring(svg).itertext()).split())


# ── The flowchart ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_committed_diagrams_show_what_the_template_and_the_code_say():
    assert list(flowchart.stale()) == [], "run python -m pipeline.flowchart"


def test_a_diagram_that_is_missing_or_changed_is_stale_until_it_is_written(tmp_path: Path):
    assert set(flowchart.write(tmp_path)) == {"pipeline.dot", "pipeline.svg", "decision.dot", "decision.svg"}
    assert flowchart.write(tmp_path) == []
    svg = tmp_path / "pipeline.svg"
    svg.write_text(svg.read_text("utf-8").replace("1,000 records", "2,000 records"), "utf-8")
    (tmp_path / "decision.dot").unlink()
    assert set(flowchart.stale(tmp_path)) == {"pipeline.svg", "decision.dot"}


def test_a_drawing_whose_coordinates_are_rounded_differently_is_not_stale(tmp_path: Path):
    flowchart.write(tmp_path)
    svg = tmp_path / "pipeline.svg"
    text = svg.read_text("utf-8")
    place = re.search(r'x="(\d+\.\d+)"', text)
    svg.write_text(text.replace(place[0], f'x="{float(place[1]) + 0.01:.2f}"'), "utf-8")
    assert list(flowchart.stale(tmp_path)) == []
    svg.write_text(text.replace(place[0], f'x="{float(place[1]) + 30:.2f}"'), "utf-8")
    assert list(flowchart.stale(tmp_path)) == ["pipeline.svg"]


def test_the_check_on_the_command_line_names_what_is_stale_and_fails(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(flowchart.stale, "__defaults__", (tmp_path,))
    assert flowchart.main(["--check"]) == 1
    assert "diagrams/pipeline.svg is stale" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_every_resource_of_the_template_is_a_node_or_a_role():
    chart, resources = derive(), set(Template.read(TEMPLATE).type_of)
    actors = {"Producer", "Reader", "Audit", "Operator"}
    assert {node.name for node in chart.nodes} | {role.name for role in chart.roles} == resources | actors
    assert {role.name for role in chart.roles} == {"PipeRole", "ProjectorRole"}


def test_every_resource_can_be_read_in_the_picture():
    picture = words_of(render(to_dot(derive())))
    missing = [name for name in Template.read(TEMPLATE).type_of if name not in picture]
    assert missing == []


def test_every_reference_between_resources_is_an_arrow_or_a_permission():
    chart, template = derive(), Template.read(TEMPLATE)
    arrows = {frozenset((edge.source, edge.target)) for edge in chart.edges}
    of_roles = {role.name: " ".join((*role.used_by, *role.permissions)) for role in chart.roles}
    for name in template.type_of:
        for where, to in template.references(name):
            told = name in of_roles.get(to, "") or to in of_roles.get(name, "") or frozenset((name, to)) in arrows
            assert told, f"{name}.{where} refers to {to}, which the drawing does not tell"


def test_both_ends_of_every_edge_exist():
    chart = derive()
    names = {node.name for node in chart.nodes}
    assert {end for edge in chart.edges for end in (edge.source, edge.target)} == names


def test_a_resource_of_an_unknown_type_stops_the_drawing_and_is_named(changed):
    template = changed("\nOutputs:", "\n  Doorbell:\n    Type: AWS::SNS::Topic\n\nOutputs:")
    with pytest.raises(NoRuleError, match=r"no rule for Doorbell \(AWS::SNS::Topic\)"):
        derive(template)


def test_a_further_resource_of_a_known_type_is_drawn_beside_the_others(changed):
    chart = derive(changed("\nOutputs:", "\n  SpareQueue:\n    Type: AWS::SQS::Queue\n\nOutputs:"))
    assert {node.stage for node in chart.nodes if node.name == "SpareQueue"} == {"failure"}
    assert "SpareQueue" in words_of(render(to_dot(chart)))


def test_a_reference_that_no_rule_explains_stops_the_drawing_and_is_named(changed):
    template = changed(
        "      Target: !GetAtt Projector.Arn",
        "      Target: !GetAtt Projector.Arn\n      Enrichment: !GetAtt Projector.Arn",
    )
    with pytest.raises(NoRuleError, match=r"no rule for StockPipe\.Enrichment, which refers to Projector"):
        derive(template)


def test_an_output_by_which_others_find_their_resource_cannot_disappear(changed):
    with pytest.raises(NoRuleError, match="no output StreamName"):
        derive(changed("\n  StreamName:", "\n  Stream:"))


def test_the_records_flow_from_the_producer_to_the_reader():
    chart = derive()
    road = ["Producer", "EventStream", "StockPipe", "Projector", "StockTable", "Reader"]
    assert [edge_between(chart, *pair).kind for pair in itertools.pairwise(road)] == ["events"] * 5


def test_failure_paths_are_dashed_and_nothing_else_is():
    chart = derive()
    failures = {(edge.source, edge.target) for edge in chart.edges if edge.kind == "failure"}
    assert failures == {
        ("StockPipe", "DeadLetterQueue"),
        ("Projector", "QuarantineQueue"),
        ("Projector", "StockPipe"),
        ("QuarantineQueue", "Operator"),
        ("DeadLetterQueue", "Operator"),
        ("Operator", "EventStream"),
    }
    for line in drawn_arrows(to_dot(chart)):
        assert ("style=dashed" in line) == (drawing.FAILURE in line), line
    dashed = [line for line in drawn_arrows(to_dot(chart)) if "style=dashed" in line]
    stops = sum(line.count(" to ") for line in dashed) // 2  # a path with a stop on its way is drawn as two arrows
    assert len(dashed) - stops == len(failures)


def test_every_setting_of_the_pipe_is_on_an_arrow_with_its_value():
    chart = derive(parameters={"BatchSize": 25, "BatchingWindowSeconds": 7, "ParallelizationFactor": 3,
                               "MaximumRetryAttempts": 1, "MaximumRecordAgeSeconds": 5400})  # fmt: skip
    assert edge_between(chart, "EventStream", "StockPipe").lines == (
        "from TRIM_HORIZON",
        "batches of up to 25 records",
        "batching window 7 s",
        "3 batches per shard at once",
    )
    assert edge_between(chart, "StockPipe", "DeadLetterQueue").lines == (
        "given up after 1 retry",
        "or at an age of 90 min",
    )
    assert edge_between(chart, "Projector", "StockPipe").lines == ("batchItemFailures:", "AUTOMATIC_BISECT")


def test_every_path_of_trouble_says_what_goes_along_it(changed):
    failures = [edge for edge in derive().edges if edge.kind == "failure"]
    assert [edge for edge in failures if not edge.lines] == []
    chart = derive(changed(
        "      MessageRetentionPeriod: 1209600\n      SqsManagedSseEnabled: true\n\nOutputs:",
        "      MessageRetentionPeriod: 345600\n      SqsManagedSseEnabled: true\n\nOutputs:",
    ))  # fmt: skip
    assert edge_between(chart, "QuarantineQueue", "Operator").lines == ("the reason, read", "within 14 days")
    assert edge_between(chart, "DeadLetterQueue", "Operator").lines == ("the place, read", "within 4 days")


@pytest.mark.parametrize("given", [{}, {"BatchSize": "333"}], ids=["default", "parameter"])
def test_the_label_follows_the_template(changed, given: dict[str, Any]):
    description = "More records fold into fewer writes.\n    Type: Number\n    Default: "
    chart = derive(changed(f"{description}1000", f"{description}12345"), given)
    expected = "batches of up to 333 records" if given else "batches of up to 12,345 records"
    assert expected in edge_between(chart, "EventStream", "StockPipe").lines
    assert expected in render(to_dot(chart))


def test_a_parameter_that_the_template_does_not_have_is_refused():
    with pytest.raises(ValueError, match="no parameter BatchSise"):
        derive(parameters={"BatchSise": 10})


def test_without_a_retry_rule_there_is_no_way_back_to_draw(changed):
    chart = derive(changed("          OnPartialBatchItemFailure: AUTOMATIC_BISECT\n", ""))
    assert ("Projector", "StockPipe") not in {(edge.source, edge.target) for edge in chart.edges}


def test_the_small_print_says_what_each_role_may_do():
    roles = {role.name: role for role in derive().roles}
    assert roles["PipeRole"].used_by == ("StockPipe",)
    assert roles["ProjectorRole"].permissions == (
        "StockTable: dynamodb:BatchGetItem, dynamodb:PutItem",
        "QuarantineQueue: sqs:SendMessage",
        "ProjectorLog: logs:CreateLogStream, logs:PutLogEvents",
    )


@pytest.mark.parametrize(
    "spelling",
    [
        '!Sub "${EventStream.Arn}"',
        "{ 'Fn::GetAtt': [EventStream, Arn] }",
        "!If [HasLayer, nowhere, !GetAtt EventStream.Arn]",
    ],
)
def test_a_reference_is_found_whichever_way_it_is_spelled(changed, spelling: str):
    assert derive(changed("Source: !GetAtt EventStream.Arn", f"Source: {spelling}")) == derive()


# ── The picture ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module", params=["pipeline", "decision"])
def dot(request) -> str:
    return to_dot(derive()) if request.param == "pipeline" else decision_tree.to_dot()


def test_the_picture_fits_the_width_of_a_page_and_reads_from_top_to_bottom(dot: str):
    svg = ElementTree.fromstring(render(dot))
    width, height = (float(svg.attrib[side].removesuffix("pt")) for side in ("width", "height"))
    assert width < 700
    assert 1.2 < height / width < 1.5, "it should fill a page of A4, and leave room for its caption"
    assert "rankdir=TB" in dot
    assert "splines=ortho" not in dot


def test_the_letters_of_the_tree_can_be_read_on_paper_and_on_a_phone():
    """On A4 the page allows 436 x 624 points, on a phone 46 rem of 16 px, of which it scrolls: report/template."""
    svg = render(decision_tree.to_dot())
    width, height = (float(re.search(rf'{side}="([0-9.]+)pt"', svg)[1]) for side in ("width", "height"))
    smallest = min(float(size) for size in re.findall(r'font-size="([0-9.]+)"', svg))
    assert smallest * min(436 / width, 624 / height) > 6, "points, in the PDF"
    assert smallest * 46 * 16 / width > 10, "pixels, on a phone"


def test_the_dot_is_ascii(dot: str):
    assert dot.isascii()


def test_the_picture_is_the_same_each_time_and_says_nothing_of_when_or_where(dot: str):
    svg = render(dot)
    assert svg == render(dot)
    assert "<!--" not in svg
    assert str(Path.home()) not in svg
    assert str(flowchart.ROOT) not in svg


def test_every_colour_has_a_twin_for_dark_screens(dot: str):
    svg = render(dot)
    drawn = set(re.findall(r'(?:fill|stroke)="([^"]+)"', svg.partition("</style>")[2])) - {"none"}
    assert drawn <= set(drawing.DARK)
    assert "prefers-color-scheme: dark" in svg


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, as WCAG defines it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("letters", [drawing.INK, drawing.MUTED, drawing.FLOW, drawing.APPLIED, drawing.FAILURE])
@pytest.mark.parametrize("ground", [drawing.PAPER, drawing.CARD, drawing.BAND, drawing.FAILURE_BAND])
def test_letters_stand_out_from_every_ground_on_light_and_on_dark_screens(letters: str, ground: str):
    assert contrast(letters, "#ffffff" if ground == drawing.PAPER else ground) > 4.5
    assert contrast(drawing.DARK[letters], drawing.DARK[ground]) > 4.5


def test_what_a_template_says_is_text_in_the_picture_never_markup(changed):
    dot = to_dot(
        derive(
            changed("# One item per product", "# One item per <b>product</b> & caf\N{LATIN SMALL LETTER E WITH ACUTE}")
        )
    )
    assert dot.isascii()
    assert "One item per <b>product</b> & caf\N{LATIN SMALL LETTER E WITH ACUTE}" in words_of(render(dot))


def test_without_graphviz_the_error_says_what_was_looked_for(monkeypatch):
    monkeypatch.setattr(drawing, "which", lambda name: None)
    with pytest.raises(RuntimeError, match=r"graphviz-pure nor a `dot` on PATH"):
        render("digraph {}")


def test_without_graphviz_pure_a_dot_on_the_path_draws(monkeypatch):
    monkeypatch.setattr(drawing, "which", lambda name: "/somewhere/dot" if name == "dot" else None)
    assert drawing._graphviz() == "/somewhere/dot"


def test_dot_that_graphviz_cannot_read_is_an_error_not_an_empty_picture():
    with pytest.raises(RuntimeError, match="could not draw"):
        render("digraph { -> }")


# ── The decision tree ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_leaves_are_the_outcomes_and_the_reasons_of_the_contract():
    assert {leaf.name for leaf in LEAVES if leaf.outcome == "quarantined"} == set(get_args(Reason))
    assert {leaf.outcome for leaf in LEAVES} == {*map(str, Outcome), "quarantined"}
    assert {leaf.name for leaf in LEAVES if leaf.outcome == "applied"} == set(EVENTS)
    assert {leaf.name for leaf in LEAVES if leaf.outcome == "duplicate"} == {"redelivery", "re-send"}


def test_the_contract_names_the_same_reasons():
    """The contract's list of reasons is repeated here: a tenth reason has to be drawn, whoever adds it."""
    reasons = "not_json invalid_event unknown_event_type wrong_partition_key already_active not_active "
    reasons += "insufficient_stock quantity_overflow out_of_order"
    assert set(get_args(Reason)) == set(reasons.split())


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: f"{leaf.outcome}-{leaf.name}")
def test_a_sample_of_every_leaf_ends_there_in_the_tree_and_in_the_code(leaf: Leaf):
    assert decision_tree.walk(leaf.sample) is leaf
    answer = ask_the_code(leaf.sample)
    assert answer.outcome == leaf.outcome
    assert answer.reason == (leaf.name if leaf.outcome == "quarantined" else "")


def test_every_leaf_is_drawn_with_what_the_code_says_to_its_sample():
    picture = words_of(render(decision_tree.to_dot()))
    for leaf in LEAVES:
        assert leaf.name in picture
        assert " ".join(ask_the_code(leaf.sample).words.split()[:4]) in picture


def test_the_tree_asks_in_the_order_of_the_code():
    """Whatever is wrong with a record at once, tree and code name the same reason first."""
    log = [ADDED, *(record("quantity_incremented", 1, f"e{at}", at) for at in range(2, 50))]
    forgetful, removed = level_after(*log), level_after(ADDED, record("product_removed", at=3))
    bodies = [b"\xff", b"[", b"[]", b"null", b'{"event_type": 1}', b'{"event_type": "product_sold", "product": 1}']
    records = [raw(body, at, key) for body in bodies for at in (0, 1, 60) for key in ("P98765", "P1")]
    for event_type, quantity, event_id, at, key in itertools.product(
        EVENTS, (-1, 0, 1, 8, 10**9), ("", "added", "e2", "e48", "new"), (0, 1, 2, 40, 48, 60), ("P98765", "P1")
    ):
        records.append(record(event_type, quantity, event_id, at, key))
    reached = set()
    for case in itertools.starmap(Case, itertools.product(records, (NEVER_SEEN, ACTIVE, FULL, removed, forgetful))):
        leaf, answer = decision_tree.walk(case), ask_the_code(case)
        assert (leaf.outcome, leaf.name if leaf.outcome == "quarantined" else "") == answer[:2], case
        reached.add((leaf.outcome, leaf.name))
    assert reached == {(leaf.outcome, leaf.name) for leaf in LEAVES}
