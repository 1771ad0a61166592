"""Read a page: its tags, and whether they are well nested."""

from collections import Counter
from html.parser import HTMLParser


class Page(HTMLParser):
    """The tags of a page; `wrong` names what is not well nested."""

    VOID = frozenset({"meta", "link", "img", "br", "hr"})
    IN_NO_PARAGRAPH = frozenset({"p", "div", "table", "figure", "pre", "ul", "ol", "details", "section", "h2", "h3"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.feed(html)
        self.wrong += [f"<{tag}> stays open" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.IN_NO_PARAGRAPH and "p" in self.open:
            self.wrong.append(f"<{tag}> in a paragraph, at {self.getpos()}")
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> at {self.getpos()}")

    def values(self, name: str) -> list[str]:
        return [value for _, key, value in self.attributes if key == name]
