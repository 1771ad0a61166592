"""A source tree, read without importing anything: its files, what each imports, and the room that each is in."""

import ast
from collections.abc import Iterator
from pathlib import Path

# In the order in which data flows: a room imports only rooms before it.
ROOMS = (
    "pipe", "emulator", "cloud", "provisioning", "arguments", "stories", "reading", "consistency", "recovery",
    "catalogue", "drawings", "notebook", "scale", "report", "before", "__main__",
)  # fmt: skip
# For all rooms but `pipe`.
FREE = ("dry_run", "errors", "waiting", "interrupts", "paths", "safe_text", "provisioning.template")


def sources(root: Path, *folders: str) -> Iterator[tuple[str, ast.Module]]:
    """Yield (path from the root, syntax tree) of every Python file in some folders, or of one file."""
    for folder in folders:
        start = root / folder
        for path in [start] if start.suffix == ".py" else sorted(start.rglob("*.py")):
            yield path.relative_to(root).as_posix(), ast.parse(path.read_text())


def imports(path: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield (line, module or name in it) of all that a file imports, wherever in the file it does so."""
    package = path.removesuffix(".py").split("/")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def is_in(name: str, *packages: str) -> bool:
    return any(f"{name}.".startswith(f"{package}.") for package in packages)


def room_of(path_or_module: str) -> str:
    """Name the room of `pipeline/stories/producer.py`, or of `pipeline.stories.producer`."""
    return path_or_module.removesuffix(".py").replace("/", ".").split(".")[1]


def arrows_of(root: Path) -> dict[str, set[str]]:
    """Map every module of the pipeline to the modules of the pipeline that it imports."""
    parsed = dict(sources(root, "pipeline"))
    path_of = {path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in parsed}
    arrows = {}
    for module, path in path_of.items():
        names = {name for _, name in imports(path, parsed[path])}
        targets = {name if name in path_of else name.rpartition(".")[0] for name in names} & path_of.keys() - {module}
        arrows[module] = targets
    return arrows


def reached_from(start: str, arrows: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    waiting = {start}
    while waiting:
        targets = arrows.get(waiting.pop(), set())
        waiting |= targets - reached
        reached |= targets
    return reached
