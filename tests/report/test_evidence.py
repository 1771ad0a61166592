"""Every number of the report can be questioned: it leads to the cell that computed it, or to where it was read."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typst
from bs4 import BeautifulSoup

from pipeline.report import make
from pipeline.report.cells import TOKENS
from pipeline.report.exporters import FONTS, InventoryHTML, InventoryTypst
from tests.report.committed import committed_report

NUMBER = re.compile(r"(?<![\w#.-])\d[\d.,]*")
MOST_PAGES = {"main": 25, "appendix": 30}


@pytest.fixture(scope="module")
def exported() -> tuple[Any, dict[str, Any]]:
    bound, known = committed_report()
    exporter = InventoryHTML()
    page, resources = exporter.from_notebook_node(bound, known)
    prepared, _ = exporter._preprocess(*committed_report())
    return (page, prepared), resources


def words_outside_links(tokens: Any) -> Iterator[str]:
    """Give the running text, without links, code, and the first cell of a row: there an ordinal may stand."""
    for token in tokens:
        if token["type"] in ("link", "evidence", "codespan", "block_code", "heading"):
            continue
        if token["type"] == "table_row":
            yield from words_outside_links(token["children"][1:])
            continue
        if "raw" in token:
            yield token["raw"]
        yield from words_outside_links(token.get("children", ()))


def numbers_without_evidence(tokens: Any) -> list[str]:
    return [word for text in words_outside_links(tokens) for word in NUMBER.findall(text)]


def test_no_number_of_the_main_text_stands_without_a_link(exported) -> None:
    (_, prepared), _ = exported
    part, found = "main", []
    for cell in prepared.cells:
        part = cell.metadata.chapter.part if "chapter" in cell.metadata else part
        if part != "main":
            continue
        of_outputs = [output.data[TOKENS] for output in cell.get("outputs", ()) if TOKENS in output.get("data", {})]
        sentences = [tokens for tokens in of_outputs if tokens[0]["type"] == "paragraph"]  # a table has its own link
        for tokens in [cell.metadata.tokens, *sentences]:
            found += [f"{number} in {cell.metadata.get('origin')}" for number in numbers_without_evidence(tokens)]
    assert found == []


def test_a_number_without_a_link_would_be_found() -> None:
    text = {"type": "text", "raw": "Of 2,000 records of P98765 in UTF-8"}
    linked = {"type": "evidence", "attrs": {"url": "x"}, "children": [{"type": "text", "raw": "7"}]}
    assert numbers_without_evidence([{"type": "paragraph", "children": [text, linked]}]) == ["2,000"]


def test_page_one_says_its_numbers_by_link_only(exported) -> None:
    _, resources = exported
    front = resources["front"]
    assert len(front["numbers"]) == 5
    assert numbers_without_evidence([*front["answer"], *front["ran"]]) == []


def test_a_link_to_what_a_section_shows_has_its_number_the_second_of_a_section_too(exported) -> None:
    (page, _), _ = exported
    links = [link.get_text() for link in BeautifulSoup(page, "html.parser").select('main a[href^="#"]')]
    assert {"Figure 4", "Figure 5", "Listing 2"} <= set(links)
    assert [words for words in links if re.fullmatch("(this|the second|the third) (figure|table|listing)", words)] == []


def test_every_figure_table_and_check_of_the_report_names_its_cell(exported) -> None:
    (page, _), _ = exported
    soup = BeautifulSoup(page, "html.parser")
    shown = soup.select("figure.picture figcaption, figure.table figcaption, p.check")
    assert shown and [it.get_text() for it in shown if not it.select("a.origin")] == []
    assert [
        table for table in soup.select("details.chapter .scroll table:not(.checks)") if not table.find_parent("figure")
    ] == []


def test_the_folder_is_whole_and_asks_nobody_for_anything(exported, tmp_path) -> None:
    """What links to evidence lead to is there, and no file loads anything from outside."""
    (page, _), resources = exported
    (tmp_path / "notebooks").mkdir()
    make.write_pages(tmp_path, resources)
    pages = {"report.html": page} | {
        f"notebooks/{path.name}": path.read_text() for path in (tmp_path / "notebooks").iterdir()
    }
    ids = {name: set(re.findall(r' id="([^"]+)"', text)) for name, text in pages.items()}
    missing = []
    for href in set(re.findall(r'href="(notebooks/[^"]+)"', page)):
        name, _, id = href.partition("#")
        if name not in ids or (id and id not in ids[name]):
            missing.append(href)
    assert missing == []
    for text in pages.values():
        soup = BeautifulSoup(text, "html.parser")
        assert all(it["src"].startswith("data:") for it in soup.select("[src]"))
        assert [it["href"] for it in soup.select("link[href]")] == ["data:,"]
        assert "@import" not in text and "fetch(" not in text


def test_the_main_text_and_the_appendices_have_no_more_pages_than_they_may() -> None:
    markup, _ = InventoryTypst().from_notebook_node(*committed_report())
    source = markup + "\n#context [#metadata(here().page()) <last-page>]"
    fonts = [str(path) for path in FONTS]
    query = {"font_paths": fonts, "ignore_system_fonts": True, "field": "value"}
    last = int(typst.query(source.encode(), "<last-page>", **query).strip("[]"))
    begins = int(typst.query(source.encode(), "<appendices>", **query).strip("[]"))
    assert begins - 1 <= MOST_PAGES["main"]
    assert last - begins + 1 <= MOST_PAGES["appendix"]
