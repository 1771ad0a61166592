"""README.md as data: the commands that a reader would type, the outputs that it shows, its map of the tree."""

import re
from collections.abc import Iterable

from pipeline.paths import ROOT

README = ROOT / "README.md"
MAP_BASES = (ROOT, ROOT / "pipeline", ROOT / "lambda_src" / "stock_projector")  # what the map's names are relative to


def _parts(text: str | None) -> list[str]:
    """Split a page at its fences: prose, block, prose, ... A block begins with its language and a line break."""
    return re.split(r"^```", README.read_text("utf-8") if text is None else text, flags=re.MULTILINE)


def commands(text: str | None = None) -> list[str]:
    """List every command, in the order of the page: the lines of the shell blocks, and what the prose names.

    In prose, a piece of code is a command if it has a blank in it or names a program of the environment; without
    either it is a name.
    """
    listed: list[str] = []
    for number, part in enumerate(_parts(text)):
        if number % 2 == 0:
            pieces = re.findall(r"`([^`\n]+)`", part)
            listed += [piece for piece in pieces if " " in piece or piece.startswith(".venv/")]
        elif not part.startswith("\n"):  # a block that names no language shows something, and is not typed
            language, _, body = part.partition("\n")
            assert language == "sh", f"a block in a language that nobody runs: {language}"
            listed += [line.partition(" #")[0].strip() for line in body.splitlines()]
    return list(dict.fromkeys(command for command in listed if command))


def the_one_with(words: str) -> str:
    """Return the command that has these words in it."""
    [command] = [command for command in commands() if words in command]
    return command


def shown(first_words: str) -> str:
    """Return the block without a language that begins with these words."""
    [block] = [part for part in _parts(None)[1::2] if part.startswith(f"\n{first_words}")]
    return block.strip()


def map_of_the_tree() -> tuple[set[str], set[str]]:
    """Return what the map names: at the top of the repository, and (the indented lines) in `pipeline`.

    A folder has a slash at its end.
    """
    lines = shown("infra/").splitlines()
    return _names(line for line in lines if line[0] != " "), _names(line for line in lines if line[0] == " ")


def _names(lines: Iterable[str]) -> set[str]:
    words = re.findall(r"[\w.][\w./-]*", "\n".join(lines))
    return {word for word in words if re.search(r"/$|\.(py|md|yml|toml)$|^(Makefile|LICENSE|\.gitignore)$", word)}
