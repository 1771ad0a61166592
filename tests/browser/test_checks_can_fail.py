"""Each check of a page, on a page with the bug that it is for: a check that cannot fail proves nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.checks import visit

PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
SOUND = f"""
<nav><a href="#one">One</a></nav>
<main><h2 id="one">One</h2><p>Text.</p><img src="{PIXEL}" alt="A dot"><a href="#late">later</a>
<details><summary>More</summary><p>Folded.</p></details>
<div style="overflow-x: auto"><table style="width: 3000px"><tr><td>wide, and it scrolls</td></tr></table></div>
<div style="height: 3000px"></div><p id="late">Late.</p></main>
<style>@media print {{ nav {{ display: none }} }}
@media print {{ details::details-content {{ content-visibility: visible; block-size: auto }} }}</style>
"""
PLANTED = [
    ("overflow", '<div class="wide" style="width: 3000px">wide</div>', "<div.wide> ends at"),
    ("overflow", f"<p id=word>{'endless' * 400}</p>", "px wide, the window 375"),
    ("links", '<a href="#gone">dead</a>', "#gone (“dead”) leads nowhere"),
    ("links", '<a href="#hidden">x</a><p id="hidden" hidden>x</p>', "#hidden leads to what is not visible"),
    ("links", '<a href="#fixed">x</a><p id="fixed" style="position: fixed; top: -500px">x</p>', "#fixed lands"),
    ("contents", '<main><h2 id="two">Two</h2></main>', "“Two” is in no contents"),
    ("unfold", "<details><summary>Empty</summary></details>", "“Empty” unfolds to nothing"),
    ("unfold", "<details>no summary</details>", "<details> has no summary"),
    ("pictures", f'<img src="{PIXEL}" alt="">', "has no alt text"),
    ("pictures", '<img src="data:image/png;base64,AAAA" alt="broken">', "does not load"),
    ("contrast", '<p class="pale" style="color: #999">pale</p>', "<p.pale> has 2.8"),
    ("contrast", '<div style="background: #333"><p style="color: #444">dark on dark</p></div>', "<p> has 1.3"),
    ("contrast", '<svg width="90" height="90"><rect width="90" height="90" fill="#999"/>'
                 '<text x="9" y="40" fill="#bbb">grey</text></svg>', "<text> has 1.4"),
    ("print", "<style>@media print { nav { display: block !important } }</style>", "<nav> is printed"),
    ("print", "<details><summary>Shut</summary><p>x</p></details><style>@media print { details::details-content "
              "{ content-visibility: hidden !important } }</style>", "“Shut” is printed folded"),
]  # fmt: skip
NOISE = [
    ("<script>console.error('trouble')</script>", "error: trouble"),
    ("<script>console.warn('hm')</script>", "warning: hm"),
    ("<script>undefined.call()</script>", "error: "),
    ('<img src="https://example.invalid/pixel.png" alt="far">', "https://example.invalid/pixel.png"),
    ('<link rel="stylesheet" href="style.css">', "style.css"),
]
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A page that is sound, with something put at its end."""

    def written(planted: str = "") -> Path:
        page = tmp_path / "page.html"
        page.write_text(f"<!DOCTYPE html><meta charset=utf-8><title>Page</title>{SOUND}{planted}", "utf-8")
        return page

    return written


@pytest.mark.parametrize("check", sorted({check for check, _, _ in PLANTED}))
def test_a_sound_page_passes(browser: Browser, write: Write, check):
    with visit(browser, write(), 375) as opened:
        if check == "print":
            opened.page.emulate_media(media="print")
        assert opened.wrong(check) == []
        assert opened.noise() == []


@pytest.mark.parametrize(("check", "planted", "said"), PLANTED, ids=lambda value: value[:24].strip("< "))
def test_a_planted_bug_is_named(browser: Browser, write: Write, check, planted, said):
    with visit(browser, write(planted), 375) as opened:
        if check == "print":
            opened.page.emulate_media(media="print")
        assert said in "\n".join(opened.wrong(check))


@pytest.mark.parametrize(("planted", "said"), NOISE, ids=lambda value: value[:24].strip("< "))
def test_a_page_that_is_not_quiet_is_heard(browser: Browser, write: Write, planted, said):
    with visit(browser, write(planted), 375) as opened:
        assert said in "\n".join(opened.noise())


def test_a_page_that_needs_a_script_reads_otherwise_without(browser: Browser, write: Write):
    page = write("<p id=late-text></p><script>document.getElementById('late-text').textContent = 'written'</script>")
    with visit(browser, page) as scripted, visit(browser, page, script=False) as plain:
        assert scripted.text() != plain.text()
