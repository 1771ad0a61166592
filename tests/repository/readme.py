"""The commands of README.md, as a reader would type them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def commands(text: str | None = None) -> list[str]:
    """List every command, in the order of the page: the lines of the shell blocks, and what is said in between.

    In between, a piece of code is a command if it has a blank in it or names a program of the environment; without
    either it is a name.
    """
    text = (ROOT / "README.md").read_text("utf-8") if text is None else text
    found = []
    for number, part in enumerate(re.split(r"^```", text, flags=re.MULTILINE)):
        if number % 2 == 0:
            found += [each for each in re.findall(r"`([^`\n]+)`", part) if " " in each or each.startswith(".venv/")]
        elif not part.startswith("\n"):  # a block that names no language shows something, and is not typed
            language, _, body = part.partition("\n")
            assert language == "sh", f"a block in a language that nobody runs: {language}"
            found += [line.partition(" #")[0].strip() for line in body.splitlines()]
    return list(dict.fromkeys(each for each in found if each))


def the_one_with(words: str) -> str:
    """Return the command that has these words in it."""
    [command] = [each for each in commands() if words in each]
    return command
