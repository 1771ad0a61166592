"""What nbconvert's plain HTML keeps of a notebook's HTML when it is to be sanitized, as JupyterLab asks by default.

nbconvert's filter of this name knows no headings, tables or pictures, and shows their tags as text.
"""

import re

import bleach
from bleach.css_sanitizer import CSSSanitizer

TAGS = {
    *bleach.ALLOWED_TAGS, "br", "caption", "dd", "del", "details", "div", "dl", "dt", "figcaption", "figure",
    "h1", "h2", "h3", "h4", "h5", "h6", "hr", "img", "p", "pre", "s", "span", "sub", "summary", "sup",
    "table", "tbody", "td", "th", "thead", "tr",
}  # fmt: skip
STYLES = {
    "background", "border-left", "color", "font-size", "margin", "margin-top", "max-width", "opacity",
    "overflow-wrap", "overflow-x", "padding-left", "text-align", "white-space",
}  # fmt: skip
LINK = re.compile(r"(?:https?:|mailto:|[^:]*$)", re.IGNORECASE)
PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp|svg\+xml);base64,")


def _is_allowed(tag: str, name: str, value: str) -> bool:
    match tag, name:
        case "a", "href":
            return bool(LINK.match(value))
        case "img", "src":
            return bool(PICTURE.match(value))
    return name in ("alt", "class", "colspan", "id", "rowspan", "style", "title")


def clean_html(page: object) -> str:
    """Take out what runs, loads or is no markup of text."""
    protocols = {*bleach.ALLOWED_PROTOCOLS, "data"}  # for pictures only, see above
    return bleach.clean(str(page), TAGS, _is_allowed, protocols, strip=True, css_sanitizer=CSSSanitizer(STYLES))
