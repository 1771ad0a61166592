"""Read a drawing: its arrows, its words."""

from xml.etree import ElementTree

from pipeline.drawings import flowchart


def edge_between(chart: flowchart.Flowchart, source: str, target: str) -> flowchart.Edge:
    (edge,) = (edge for edge in chart.edges if (edge.source, edge.target) == (source, target))
    return edge


def words_of(svg: str) -> str:
    return " ".join(" ".join(ElementTree.fromstring(svg).itertext()).split())
