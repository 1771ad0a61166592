"""The flowchart, derived from the template: resources become nodes, references between them become arrows.

A template that moves on takes its drawing along, or stops it: what has no rule here is an error, never left out.
`python -m pipeline.drawings.flowchart` writes the files in `diagrams/`; with `--check` it only says which are stale.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from textwrap import wrap
from typing import Any

from pipeline.drawings import decision_tree, grid
from pipeline.drawings.flowchart_rules import ACTORS, FLOWS, ORDER, ROLE, Actor, Flow, Resource, rule_for, say
from pipeline.drawings.grid import Arrow, Band, Cell, render
from pipeline.paths import ROOT
from pipeline.provisioning.template import Template

TEMPLATE = ROOT / "infra" / "stack.yaml"
DIAGRAMS = ROOT / "diagrams"


class NoRuleError(Exception):
    """The template has something that the drawing does not know."""


@dataclass(frozen=True)
class Node:
    """A resource of the template, or an actor outside of it."""

    name: str
    stage: str
    kind: str
    sentence: str = ""
    facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Edge:
    """An arrow in the direction of the data. Its kind is `events`, `support` or `failure`."""

    source: str
    target: str
    lines: tuple[str, ...]
    kind: str


@dataclass(frozen=True)
class Role:
    """Who may do what: drawn as small print."""

    name: str
    used_by: tuple[str, ...]
    permissions: tuple[str, ...]


@dataclass(frozen=True)
class Flowchart:
    """The pipeline as a graph. Every resource of the template is a node or a role."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    roles: tuple[Role, ...]


# ── From the template to the graph ────────────────────────────────────────────────────────────────────────────────


def derive(template_path: Path | str = TEMPLATE, parameters: Mapping[str, Any] | None = None) -> Flowchart:
    """Read the template as a graph; `parameters` take the place of the template's defaults.

    Raises:
        NoRuleError: a resource, a reference or an output that the drawing has no rule for.
    """
    template = Template.read(template_path, parameters)
    for name, type_ in template.type_of.items():
        if not rule_for(type_, template.properties[name]):
            raise NoRuleError(f"the drawing has no rule for {name} ({type_})")
    roles = [name for name in template.type_of if _rule(template, name) is ROLE]
    nodes = [_node(template, name) for name in template.type_of if name not in roles]
    edges = [edge for node in nodes for edge in _edges(template, node.name)]
    before, after = ([actor for actor in ACTORS if (actor.stage == "before") == first] for first in (True, False))
    return Flowchart(
        nodes=(*nodes, *(Node(*actor[:4]) for actor in ACTORS)),
        edges=(
            *(edge for actor in before for edge in _edges_of_actor(template, actor)),
            *(edge for edge in edges if edge.kind != "role"),
            *(edge for actor in after for edge in _edges_of_actor(template, actor)),
        ),
        roles=tuple(
            Role(
                name,
                used_by=(
                    *(edge.source for edge in edges if edge.target == name),
                    *(to for where, to in template.references(name) if where.startswith("Roles.")),
                ),
                permissions=tuple(_permissions(template, name)),
            )
            for name in roles
        ),
    )


def _rule(template: Template, name: str) -> Resource:
    rule = rule_for(template.type_of[name], template.properties[name])
    assert rule, f"{name} was looked up before"
    return rule


def _node(template: Template, name: str) -> Node:
    rule = _rule(template, name)
    facts = say(rule.facts, template.properties[name])
    return Node(name, rule.stage, rule.kind, template.remarks.get(name, ""), facts)


def _edges(template: Template, name: str) -> Iterator[Edge]:
    properties = template.properties[name]
    for where, to in template.references(name):
        flow = _flow(template, name, where, to)
        source, target = (to, name) if flow.against else (name, to)
        yield Edge(source, target, say(flow.words, properties), flow.kind)
        if answer := say(flow.answer, properties):
            yield Edge(target, source, answer, "failure")


def _flow(template: Template, name: str, where: str, to: str) -> Flow:
    for flow in FLOWS:
        same_owner = flow.owner == template.type_of[name]
        if same_owner and fnmatchcase(where, flow.where) and fnmatchcase(template.type_of[to], flow.to):
            return flow
    raise NoRuleError(f"the drawing has no rule for {name}.{where}, which refers to {to} ({template.type_of[to]})")


def _edges_of_actor(template: Template, actor: Actor) -> Iterator[Edge]:
    for output, (kind, words) in actor.takes_from.items():
        name = _behind(template, output)
        yield Edge(name, actor.name, say(words, template.properties[name]), kind)
    for output, (kind, words) in actor.gives_to.items():
        name = _behind(template, output)
        yield Edge(actor.name, name, say(words, template.properties[name]), kind)


def _behind(template: Template, output: str) -> str:
    names = template.named_in(template.outputs.get(output, ""))
    if not names:
        raise NoRuleError(f"the template has no output {output}, by which others find its resource")
    return names[0]


def _permissions(template: Template, name: str) -> Iterator[str]:
    """Say each statement of a role's policies: which actions, on which resource."""
    properties = template.properties[name]
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    for document in [*documents, properties.get("PolicyDocument", {})]:
        for statement in _listed(document.get("Statement", [])):
            actions, resources = _listed(statement["Action"]), _listed(statement["Resource"])
            where = ", ".join(", ".join(template.named_in(resource)) or resource for resource in resources)
            yield f"{where}: {', '.join(actions)}"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# ── From the graph to the drawing ─────────────────────────────────────────────────────────────────────────────────

BANDS = {
    "source": Band("Source"),
    "pipe": Band("Pipe"),
    "compute": Band("Compute"),
    "state": Band("State"),
    "failure": Band("Failure", grid.FAILURE, grid.FAILURE_BAND),
}
ROWS = (("before",), ("source",), ("pipe",), ("compute",), ("state", "failure"), ("after",))
COLOURS = {"events": grid.FLOW, "support": grid.MUTED, "failure": grid.FAILURE}
LEGEND = {"events": "events and reads", "support": "code and logs", "failure": "failure, and the way back"}
WIDTH, NARROW = 130, 110  # of a card; of those at the bottom, between which arrows need room


def to_dot(flowchart: Flowchart) -> str:
    """Write the graph in DOT: a row for each stage, failure paths dashed. What travels on a path is said in a table."""
    rows = _filled([[_card(flowchart, node) for node in _in_row(flowchart, stages)] for stages in ROWS])
    arrows = [
        Arrow(edge.source, edge.target, (), COLOURS[edge.kind], dashed=edge.kind == "failure")
        for edge in flowchart.edges
    ]
    kinds = [(COLOURS[kind], kind == "failure", meaning) for kind, meaning in LEGEND.items()]
    footer = grid.legend(kinds)
    return grid.to_dot("The pipeline, derived from its template", (0.12, 0.14), rows, arrows, BANDS, footer, "ortho")


def sketch(flowchart: Flowchart, downwards: bool = False) -> str:
    """Draw the path of an event alone, from the producer to the tables: from left to right, or from top to bottom."""
    stages = [stage for stages in ROWS[:-1] for stage in stages]
    passed = {name for edge in flowchart.edges if edge.kind == "events" for name in (edge.source, edge.target)}
    refused = {edge.target for edge in flowchart.edges if edge.source == "Projector" and edge.kind == "failure"}
    on_the_way = passed | refused
    nodes = [node for node in flowchart.nodes if node.stage in stages and node.name in on_the_way]
    cards = [Cell(node.name, grid.small_card(node.kind, node.name, _colour(flowchart, node))) for node in nodes]
    names = [card.name for card in cards]
    arrows = [
        Arrow(edge.source, edge.target, (), COLOURS[edge.kind], dashed=edge.kind == "failure")
        for edge in flowchart.edges
        if edge.source in names and edge.target in names and edge.kind != "support"
    ]
    return grid.render(grid.in_a_line("The path of an event", cards, arrows, "TB" if downwards else "LR"))


def _in_row(flowchart: Flowchart, stages: Sequence[str]) -> list[Node]:
    order = [(rule.stage, rule.kind) for rule in ORDER]
    nodes = [node for stage in stages for node in flowchart.nodes if node.stage == stage]
    return sorted(nodes, key=lambda node: order.index((node.stage, node.kind)) if node.stage in BANDS else 0)


def _filled(rows: Sequence[list[Cell]]) -> list[list[Cell]]:
    """Centre the first card of a short row, and fill the rows up with blanks, so that all bands are of one width."""
    centred = [[_blank(cards[0], "left"), *cards] if len(cards) <= 2 else cards for cards in rows]
    width = max(map(len, centred))
    return [[*row, *(_blank(row[-1], str(n)) for n in range(len(row), width))] for row in centred]


def _blank(beside: Cell, where: str) -> Cell:
    return Cell(f"blank {where} {beside.name}", grid.blank(WIDTH), beside.band)


def _card(flowchart: Flowchart, node: Node) -> Cell:
    taken = (edge.lines for edge in flowchart.edges if edge.target == node.name and edge.kind == "events")
    settings = [line for lines in taken for line in lines] if node.stage == "pipe" else []  # how the pipe reads
    facts = [*node.facts, *settings]
    width = NARROW if node.stage == "after" else WIDTH
    label = grid.card(node.name, node.kind, wrap(node.sentence, width // 5), facts, _colour(flowchart, node), width)
    return Cell(node.name, label, "" if node.stage not in BANDS else node.stage)


def _colour(flowchart: Flowchart, node: Node) -> str:
    kinds = {edge.kind for edge in flowchart.edges if node.name in (edge.source, edge.target)}
    is_support = node.stage not in BANDS or "events" not in kinds
    return COLOURS["failure" if node.stage == "failure" else "support" if is_support else "events"]


# ── The committed files ───────────────────────────────────────────────────────────────────────────────────────────


def diagrams() -> dict[str, str]:
    """Draw every diagram afresh: file name and content."""
    dots = {"pipeline": to_dot(derive()), "decision": decision_tree.to_dot()}
    return {f"{name}.dot": dot for name, dot in dots.items()} | {
        f"{name}.svg": render(dot) for name, dot in dots.items()
    }


def stale(folder: Path = DIAGRAMS) -> dict[str, str]:
    """Return the diagrams whose files do not show what the template and the code say now."""
    return {name: fresh for name, fresh in diagrams().items() if not _shows(folder / name, fresh)}


def write(folder: Path = DIAGRAMS) -> list[str]:
    """Write the diagrams that are stale; return the names of their files."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = stale(folder)
    for name, text in fresh.items():
        (folder / name).write_text(text, "utf-8")
    return list(fresh)


def _shows(path: Path, fresh: str) -> bool:
    """Compare a file with a fresh grid. Another machine may round the coordinates of an SVG differently."""
    kept = path.read_text("utf-8") if path.exists() else ""
    if path.suffix != ".svg":
        return kept == fresh
    number = re.compile(r"-?\d+\.\d+")
    kept_at, fresh_at = (list(map(float, number.findall(text))) for text in (kept, fresh))
    return number.sub("#", kept) == number.sub("#", fresh) and all(
        abs(old - new) < 1 for old, new in zip(kept_at, fresh_at, strict=True)
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the diagrams, or with `--check` say which are stale."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.drawings.flowchart", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a diagram is stale")
    if parser.parse_args(arguments).check:
        names = stale()
        for name in names:
            print(f"diagrams/{name} is stale: run python -m pipeline.drawings.flowchart", file=sys.stderr)
        return bool(names)
    for name in write():
        print(f"wrote diagrams/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
