"""What the command line takes."""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pipeline.stories.popularity import SKEWS, is_skew
from pipeline.stories.scenarios import SCENARIOS

Verb = Callable[[argparse.Namespace], int]
Parser = argparse.ArgumentParser


def parser(verbs: Iterable[Verb]) -> Parser:
    """Return the parser: one sub-command for each verb, explained by the verb's docstring."""
    whole = Parser(prog="inventory", description="A real-time inventory pipeline: run it, feed it, check it.")
    commands = whole.add_subparsers(required=True, metavar="VERB")
    for verb in verbs:
        text = (verb.__doc__ or "").strip()
        command = commands.add_parser(verb.__name__, parents=[_common()], help=text, description=text)
        command.set_defaults(verb=verb)
        _OPTIONS.get(verb.__name__, lambda command: None)(command)
    return whole


def _common() -> Parser:
    common = Parser(add_help=False)
    common.add_argument("--cloud", choices=("local", "aws"), default="local", help="where (default: local)")
    common.add_argument(
        "--stack-name",
        default="inventory",
        type=_stack_name,
        help="(default: inventory; for report, inventory-tutorial)",
    )
    common.add_argument("--account-id", help="the AWS account that --cloud aws may touch (or INVENTORY_AWS_ACCOUNT_ID)")
    common.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    return common


def _up(command: Parser) -> None:
    command.add_argument("--port", type=_port, help="the local cloud's port (default: any free one)")
    command.add_argument("--parameter", **_PAIRS, help="a parameter of the stack")


def _send(command: Parser) -> None:
    known = ", ".join(SCENARIOS)
    command.add_argument("--events", type=_count, default=1000, help="how many records (default: 1000)")
    command.add_argument("--products", type=_count, default=20, help="about how many products (default: 20)")
    skews = "0: all products alike; 1: the k-th gets 1/k of the first one's events (default: 0)"
    command.add_argument("--skew", type=_skew, default=0.0, help=skews)
    command.add_argument("--rate", type=_rate, metavar="PER_SECOND", help="(default: as fast as it goes)")
    command.add_argument("--seed", type=int, default=7, help="another seed, another story (default: 7)")
    command.add_argument("--scenario", default="everyday", metavar="NAME", help=f"one of {known} (default: everyday)")
    command.add_argument("--file", type=Path, help="publish the lines of this file instead, as they are")


def _stock(command: Parser) -> None:
    command.add_argument("--all", action="store_true", help="also products that were removed")


def _logs(command: Parser) -> None:
    command.add_argument("--follow", action="store_true", help="and go on with what comes, until Ctrl-C")


def _report(command: Parser) -> None:
    command.set_defaults(cloud=None, stack_name=None)  # the defaults are those of the notebooks: notebook/parameters.py
    command.add_argument("--parameter", **_PAIRS, help="a parameter of the notebooks")


_OPTIONS: dict[str, Callable[[Parser], None]] = {
    "up": _up, "send": _send, "stock": _stock, "logs": _logs, "report": _report,
}  # fmt: skip


def _port(text: str) -> int:
    if _count(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port: 1 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0
    if not 0 < rate < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a rate above 0")
    return rate


def _skew(text: str) -> float:
    try:
        skew = float(text)
    except ValueError:
        skew = -1
    if not is_skew(skew):
        raise argparse.ArgumentTypeError(f"{text!r} is not a skew: {SKEWS}")
    return skew


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _stack_name(text: str) -> str:
    if not (text[:1].isalpha() and text.isascii() and text.replace("-", "").isalnum() and len(text) <= 40):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a stack name: letters, digits and hyphens, a letter first, 40 at most"
        )
    return text


_PAIRS: dict[str, Any] = {"metavar": "NAME=VALUE", "type": _pair, "action": "append", "default": []}
