"""A page, opened as a reader would, and what is wrong with it: a list of sentences, so that `[]` is good."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page

CHECKS = (Path(__file__).parent / "checks.js").read_text("utf-8")
WIDTHS = (375, 1280)
SCHEMES = ("light", "dark")


@dataclass
class Visit:
    """One page in one window; what it said to the console, and what it asked the network for."""

    page: Page
    url: str
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def open(self) -> None:
        """Go there, and note what happens on the way."""
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(self.url)
        self.page.wait_for_load_state("networkidle")

    def wrong(self, check: str) -> list[str]:
        """Make one of the checks in checks.js."""
        found: list[str] = self.page.evaluate(f"({CHECKS}).{check}()")
        return found

    def noise(self) -> list[str]:
        """Name every error and warning on the console, and every request for anything but the file itself."""
        loud = [said for said in self.said if said.startswith(("error", "warning"))]
        return loud + [url for url in self.asked if url != self.url and not url.startswith("data:")]

    def text(self) -> str:
        """Read what a reader sees."""
        return self.page.inner_text("body")

    def background(self) -> str:
        """Name the colour of the paper."""
        return str(self.page.evaluate("getComputedStyle(document.body).backgroundColor"))


@contextmanager
def visit(
    browser: Browser, path: Path, width: int = 1280, scheme: str = "light", script: bool = True
) -> Iterator[Visit]:
    """Open a file in a window of its own, with the network off."""
    window = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=script,
        offline=True,
    )
    visited = Visit(window.new_page(), path.as_uri())
    try:
        visited.open()
        yield visited
    finally:
        window.close()
