"""Characters that a reader cannot see are shown: a product's name may not rearrange the line it stands in."""

import re

INVISIBLE = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\U000e0000-\U000e007f]|[\ud800-\udfff]"
)
ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")


def visible(text: str) -> str:
    """Replace bidirectional controls, zero-width and control characters by their names, like `⟨U+202E⟩`."""
    return INVISIBLE.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


def one_line(text: str) -> str:
    """Show what would leave or rearrange a line of text, line breaks and tabs included."""
    return visible(text).replace("\n", "⟨U+000A⟩").replace("\t", "⟨U+0009⟩")


def terminal(text: str) -> str:
    """Read what a terminal would show: no colours, and of a progress bar only its last state."""
    lines = ANSI.sub("", text).replace("\r\n", "\n").split("\n")
    return visible("\n".join(line.rstrip("\r").split("\r")[-1] for line in lines)).rstrip()


def shorten(text: str, most_lines: int = 60) -> str:
    """Keep the start and the end of a long output."""
    lines = text.split("\n")
    if len(lines) <= most_lines:
        return text
    head, tail = lines[: most_lines * 2 // 3], lines[-most_lines // 6 :]
    return "\n".join([*head, f"… {len(lines) - len(head) - len(tail):,} lines left out …", *tail])
