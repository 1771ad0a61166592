"""The solution of every "Try it" as a cell that can be run, and that fails if it does not show what the text says.

A solution is written as one block of Python, and after it one block of text: what its last line shows, or the error
that it raises. `…` in that text stands for anything.
"""

import ast
import re
from textwrap import dedent, indent
from typing import Any

from IPython.lib.pretty import pretty

BLOCKS = re.compile(r"<summary>Solution</summary>\s*```python\n(.*?)```\s*```text\n(.*?)```", re.DOTALL)
SHOWN = "shown_by_the_solution"


def solution_of(markdown: str) -> str:
    """Return the source of a cell that runs the solution in this text, and checks it; "" if there is none to run."""
    if not (blocks := BLOCKS.search(markdown)):
        return ""
    code, expected = (dedent(block).strip() for block in blocks.groups())
    if re.match(r"\w+Error:", expected):
        said = f'    {SHOWN} = f"{{type(error).__name__}}: {{error}}"'
        code = f"try:\n{indent(code, '    ')}\nexcept Exception as error:\n{said}"
    else:
        *_, last = ast.parse(code).body
        lines = code.splitlines()
        lines[last.lineno - 1] = f"{SHOWN} = {lines[last.lineno - 1]}"
        code = "\n".join(lines)
    return f"from tests.notebooks.solutions import check_shown\n\n{code}\ncheck_shown({SHOWN}, {expected!r})"


def check_shown(value: Any, expected: str) -> None:
    """Compare what a notebook would show of a value with a text, but for white space and what `…` stands for."""
    shown = value if isinstance(value, str) and not expected.startswith("'") else pretty(value)
    wanted = ".*".join(re.escape(" ".join(part.split())) for part in expected.split("…"))
    assert re.fullmatch(re.sub(r"(\\ )+|\s+", " ", wanted), " ".join(shown.split())), f"it shows: {shown}"
