"""The code under proof: the modules that are deployed, from their source, whole or with a defect planted.

Each call of `load` makes a module set of its own, so that a planted defect stays where it was planted.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

from pipeline.paths import ROOT
from tests.proof.branches import COUNTED, Branches

PACKAGE = "stock_projector"
SOURCE = ROOT / "lambda_src" / PACKAGE
MODULES = (  # each before its importers
    "words", "events", "memory", "projection", "item", "statements", "quarantine", "store", "patience", "product",
    "batch", "handler",
)  # fmt: skip

STOCK, QUARANTINE = "stock", "quarantine"
KEEP_SECONDS = 90 * 24 * 3600

Patches = Mapping[str, Sequence[tuple[str, str]]]  # module → (text that occurs once, what stands there instead)


class StalePatchError(Exception):
    """A planted defect no longer fits the source: it would plant nothing, or something else."""


@dataclass(frozen=True)
class Deployed:
    """One module set. `handler` is the very function that is deployed; `attach` gives it its clients."""

    modules: Mapping[str, ModuleType]
    telemetry: SimpleNamespace
    branches: Branches

    def attach(self, dynamodb: Any, clock: Any, patience: Any) -> Any:
        """Return the handler, working on this client, one request after the other, on this clock and patience."""
        tables = (
            self.modules["store"].Store(dynamodb, STOCK),
            self.modules["quarantine"].Quarantine(dynamodb, QUARANTINE, KEEP_SECONDS, clock),
        )
        module = self.modules["handler"]
        module._tables = lambda: tables
        module._in_parallel = map
        module.Patience = lambda seconds_left: patience()
        return module.handler

    def remembering(self, capacity: int) -> "Deployed":
        """Set how many events a product remembers: small worlds forget sooner. 0 is as it is deployed."""
        return self._set("memory", "CAPACITY", capacity)

    def losing(self, guards: int) -> "Deployed":
        """Set how many lost guards the projector takes: small worlds have few rivals. 0 is as it is deployed."""
        return self._set("batch", "MOST_LOST_GUARDS", guards)

    def stocking(self, most: int) -> "Deployed":
        """Set how many units of a product there may be: small worlds have few. 0 is as it is deployed."""
        return self._set("projection", "MOST_STOCK", most)

    def keeping(self, most: int) -> "Deployed":
        """Set how many bytes of a record are kept in quarantine: small worlds have short ones. 0 is as deployed."""
        return self._set("quarantine", "MOST_DATA", most)

    def _set(self, module: str, constant: str, value: int) -> "Deployed":
        before = vars(self.telemetry).setdefault(constant, getattr(self.modules[module], constant))
        setattr(self.modules[module], constant, value or before)
        return self


def load(patches: Patches | None = None) -> Deployed:
    """Execute the deployed source, with each patch put in place of a text that occurs exactly once.

    Raises:
        StalePatchError: a text to be replaced is not there, or there more than once.
    """
    patches = patches or {}
    if unknown := set(patches) - set(MODULES):
        raise StalePatchError(f"no such module: {unknown}")
    telemetry = ModuleType(f"{PACKAGE}.telemetry")  # powertools would print a page for every schedule
    telemetry.metrics = SimpleNamespace(log_metrics=lambda function: function)
    telemetry.count = lambda result: None
    branches = Branches()
    package = ModuleType(PACKAGE)
    package.__path__ = []
    package.telemetry = telemetry
    with _as_imported({PACKAGE: package, telemetry.__name__: telemetry}):
        for name in MODULES:
            source = _patched(name, (SOURCE / f"{name}.py").read_text(), patches.get(name, ()))
            module = ModuleType(f"{PACKAGE}.{name}")
            module.__file__ = str(SOURCE / f"{name}.py")
            sys.modules[module.__name__] = module
            module.take_branch = branches.take  # type: ignore[attr-defined]
            tree = branches.instrument(name, source) if name in COUNTED else source
            exec(compile(tree, module.__file__, "exec"), module.__dict__)
            setattr(package, name, module)
    return Deployed({name: getattr(package, name) for name in MODULES}, telemetry, branches)


def _patched(name: str, source: str, patches: Sequence[tuple[str, str]]) -> str:
    for old, new in patches:
        if source.count(old) != 1:
            raise StalePatchError(f"{name}.py has this {source.count(old)} times, not once: {old!r}")
        source = source.replace(old, new)
    return source


@contextmanager
def _as_imported(modules: dict[str, ModuleType]) -> Iterator[None]:
    """While inside, these modules are what `import` finds; afterwards everything is as before."""
    before = {name: each for name, each in sys.modules.items() if name == PACKAGE or name.startswith(f"{PACKAGE}.")}
    for name in before:
        del sys.modules[name]
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name == PACKAGE or name.startswith(f"{PACKAGE}.")]:
            del sys.modules[name]
        sys.modules.update(before)
