"""The flowchart: every resource and every reference of the template, and nothing that no rule explains."""

import itertools

import pytest

from pipeline.drawings import grid
from pipeline.drawings.flowchart import TEMPLATE, NoRuleError, derive, render, to_dot
from pipeline.provisioning.template import Template
from tests.drawings.reading import edge_between, words_of


def drawn_arrows(dot: str) -> list[str]:
    return [line for line in dot.splitlines() if " -> " in line and "style=invis" not in line]


def test_every_resource_of_the_template_is_a_node_or_a_role():
    chart, resources = derive(), set(Template.read(TEMPLATE).type_of)
    actors = {"Producer", "Reader", "Audit", "Operator"}
    assert {node.name for node in chart.nodes} | {role.name for role in chart.roles} == resources | actors
    assert {role.name for role in chart.roles} == {"PipeRole", "ProjectorRole"}


def test_every_resource_can_be_read_in_the_picture():
    chart = derive()
    picture, roles = words_of(render(to_dot(chart))), {role.name for role in chart.roles}  # those stand in a table
    missing = [name for name in Template.read(TEMPLATE).type_of if name not in picture]
    assert set(missing) == roles


def test_every_reference_between_resources_is_an_arrow_or_a_permission():
    chart, template = derive(), Template.read(TEMPLATE)
    arrows = {frozenset((edge.source, edge.target)) for edge in chart.edges}
    of_roles = {role.name: " ".join((*role.used_by, *role.permissions)) for role in chart.roles}
    for name in template.type_of:
        for where, to in template.references(name):
            is_drawn = name in of_roles.get(to, "") or to in of_roles.get(name, "") or frozenset((name, to)) in arrows
            assert is_drawn, f"{name}.{where} refers to {to}, which the drawing does not show"


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
        ("Projector", "QuarantineTable"),
        ("Projector", "StockPipe"),
        ("QuarantineTable", "Operator"),
        ("DeadLetterQueue", "Operator"),
        ("Operator", "EventStream"),
    }
    for line in drawn_arrows(to_dot(chart)):
        assert ("style=dashed" in line) == (grid.FAILURE in line), line
    dashed = [line for line in drawn_arrows(to_dot(chart)) if "style=dashed" in line]
    stops = sum(line.count(" to ") for line in dashed) // 2  # a path with a stop on its way is drawn as two arrows
    assert len(dashed) - stops == len(failures)


def test_without_a_retry_rule_there_is_no_way_back_to_draw(changed):
    chart = derive(changed("          OnPartialBatchItemFailure: AUTOMATIC_BISECT\n", ""))
    assert ("Projector", "StockPipe") not in {(edge.source, edge.target) for edge in chart.edges}


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
