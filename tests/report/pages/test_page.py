"""The page: well formed, nothing loaded, every link lands."""

import re
from collections import Counter
from html import unescape

from pipeline.paths import ROOT
from tests.report.pages.reading import Page


def test_the_page_is_well_formed(page):
    assert Page(page).wrong == []


def test_the_page_needs_no_network_and_runs_nothing(page):
    read = Page(page)

    assert read.tags["script"] == 0
    assert read.tags["iframe"] == 0
    assert all(value.startswith("data:") for value in read.values("src"))
    assert [value for tag, name, value in read.attributes if tag == "link" and name == "href"] == ["data:,"]
    assert not any(name.startswith("on") for _, name, _ in read.attributes)
    assert "@import" not in page
    assert "url(" not in page


def test_every_link_lands_and_no_id_is_used_twice(page):
    read = Page(page)
    ids = read.values("id")
    targets = [value for value in read.values("href") if not value.startswith(("https:", "data:", "notebooks/"))]

    assert [name for name, count in Counter(ids).items() if count > 1] == []
    assert {target for target in targets if target.removeprefix("#") not in ids} == set()
    assert set(read.values("aria-labelledby")) <= set(ids)


def test_links_between_notebooks_lead_to_their_place_in_the_report(page):
    assert '<a href="#02-table-what-it-holds">the table</a>' in page
    assert '<a href="#table-1">Table 1</a>' in page, "a link to what a section shows has its number"
    assert '<a href="#02-table-what-it-holds">the second table</a>' in page, "there is no second: it keeps its words"
    assert '<a href="#02-table">the next</a>' in page
    assert '<a href="#00-overview-below">here</a>' in page
    assert '<a href="#listing-1">the fold</a>' in page
    assert '<a href="https://aws.amazon.com">AWS</a>' in page
    assert ">a file</a>" not in page
    assert '<meta name="referrer" content="no-referrer">' in page


def test_contents_list_chapters_and_sections(page):
    contents = page[page.index('<ol class="contents">') : page.index("</nav>")]

    assert re.findall(r'href="#([^"]+)"', contents) == [
        "deliverables",
        "00-overview",
        "00-overview-below",
        "00-overview-below-2",
        "02-table",
        "02-table-what-it-holds",
    ]


def test_a_fold_and_a_listing_are_kept(page):
    assert '<details class="fold"><summary>Solution</summary>' in page
    source = (ROOT / "lambda_src" / "stock_projector" / "handler.py").read_text()
    listing = page[page.index('<details class="listing"') :]
    shown = re.sub(r"<[^>]+>", "", listing[listing.index("<pre") : listing.index("</pre>")])

    assert unescape(shown).strip() == source.strip()
