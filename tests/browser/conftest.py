"""The browser, the report, and one clear line where either is missing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.paths import ROOT
from tests.browser import chromium

REPORT = ROOT / "report" / "build" / "report.html"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take another report than the one in report/build."""
    parser.addoption("--report", type=Path, default=REPORT, help="the HTML file to test")


def pytest_configure() -> None:
    """Stop before anything is collected, with the reason."""
    try:
        import playwright  # noqa: F401
    except ImportError:
        raise pytest.UsageError("test-browser: Playwright is not installed. `make test-browser` does it.") from None
    if not chromium.find():
        raise pytest.UsageError(chromium.MISSING)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One headless browser for all tests; each page has a window of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium.find(), args=[*chromium.QUIET])
        yield running
        running.close()


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Path:
    """The report that the last `make report` wrote."""
    path: Path = pytestconfig.getoption("--report").resolve()
    assert path.is_file(), f"there is no {path}: `make report` writes it"
    return path
