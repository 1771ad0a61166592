"""The command line: `inventory VERB`, or `python -m pipeline VERB`."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from pipeline import scenarios
from pipeline.errors import UserError

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
Verb = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one verb and return the exit status."""
    args = _parser().parse_args(arguments)
    try:
        status = args.verb(args)
        sys.stdout.flush()
        return status
    except UserError as error:
        return _fail(str(error), WRONG_USAGE if error.usage else FAILED)
    except (ClientError, BotoCoreError) as error:
        return _fail(f"AWS said: {error}", FAILED)
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:
        return _fail(f"{error.filename or 'the system'}: {error.strerror or error}", FAILED)
    except KeyboardInterrupt:
        return _fail("interrupted; what was done so far stands, and the same command goes on from there", INTERRUPTED)


def up(args: argparse.Namespace) -> int:
    """Start (or join) the cloud, deploy stack and Lambda, wait until the pipe runs."""
    from pipeline import cloud, deployment

    where = cloud.start(args.cloud, args.account_id, args.port)
    found = deployment.up(where, args.stack_name, dict(args.parameter), tell)
    facts = {
        "cloud": where.name,
        "endpoint_url": where.endpoint_url,
        "region": where.region,
        "stack_name": args.stack_name,
        "outputs": found.outputs,
        "env": where.env,
    }
    if args.json:
        return _print_json(facts)
    print(f"The pipeline runs: stack {args.stack_name} on {where.name}. To reach it with any AWS client:")
    for name, value in where.env.items():
        print(f"  export {name}={value}")
    for name, value in found.outputs.items():
        print(f"  {name:<20} {value}")
    return DONE


def send(args: argparse.Namespace) -> int:
    """Generate and publish events, or publish those of a file as they are."""
    from pipeline import producer

    entries = producer.entries_in(args.file) if args.file else _story(args)
    found = _find(args)
    sent = found.send(entries, rate=args.rate)
    scenario, seed = (None, None) if args.file else (args.scenario, args.seed)
    facts = {
        "sent": sent.records,
        "scenario": scenario,
        "seed": seed,
        "seconds": round(sent.seconds, 3),
        "sent_log": str(found.sent_log),
    }
    if args.json:
        return _print_json(facts)
    print(f"{sent.records} records in {sent.seconds:.1f} s. Where each lies: {found.sent_log}")
    return DONE


def stock(args: argparse.Namespace) -> int:
    """Print what is in stock."""
    frame = _find(args).stock(include_removed=args.all)
    if args.json:
        return _print_json(frame.to_dict("records"))
    print(frame.to_string(index=False) if len(frame) else "Nothing is in stock.")
    return DONE


def audit(args: argparse.Namespace) -> int:
    """Wait until drained, then compare table and quarantine with an independent fold of the stream."""
    result = _find(args).audit(tell)
    facts = asdict(result)
    facts.pop("dead_letters")
    status = FAILED if result.discrepancies else DONE
    if args.json:
        return _print_json(facts) or status
    refused = ", ".join(f"{count} {reason}" for reason, count in result.quarantined.items()) or "none"
    print(f"records      {result.records:>8}\napplied      {result.applied:>8}\nduplicates   {result.duplicates:>8}")
    print(f"quarantined  {sum(result.quarantined.values()):>8}  ({refused})\nproducts     {result.products:>8}")
    print(f"discrepancies{len(result.discrepancies):>8}")
    for discrepancy in result.discrepancies[:20]:
        print(f"  {discrepancy}")
    if len(result.discrepancies) > 20:
        print(f"  ... and {len(result.discrepancies) - 20} more: see --json")
    return status


def down(args: argparse.Namespace) -> int:
    """Delete the stack and stop the local cloud."""
    from pipeline import cloud, deployment

    try:
        if args.cloud == "aws" or cloud.is_running():
            deployment.down(cloud.join(args.cloud, args.account_id), args.stack_name, tell)
    finally:
        cloud.stop(args.cloud)
    return _print_json({"deleted": True}) if args.json else DONE


def status(args: argparse.Namespace) -> int:
    """Show how the pipeline is: pipe, shards, retries, dead letters, last error."""
    from pipeline import status as states

    facts = states.status(_find(args))
    if args.json:
        return _print_json(facts)
    print("\n".join(states.lines(facts)))
    return DONE


def logs(args: argparse.Namespace) -> int:
    """Print what pipe and projector wrote in the last quarter of an hour."""
    from pipeline import logs as written

    found = _find(args)
    lines: list[str] = []
    written.show(found.cloud, found.outputs, args.follow, lines.append if args.json else _print_now)
    return _print_json(lines) if args.json else DONE


def report(args: argparse.Namespace) -> int:
    """Run the notebooks end to end and render the HTML and the PDF report."""
    from pipeline.report import ReportError, make_report

    given = {"cloud": args.cloud, "stack_name": args.stack_name} | dict(args.parameter)
    try:
        result = make_report({name: value for name, value in given.items() if value is not None})
    except ReportError as error:
        raise UserError(str(error)) from error
    if args.json:
        _print_json({"html": str(result.html), "pdf": str(result.pdf), "notebooks": result.notebooks})
    else:
        print(f"{result.html}\n{result.pdf}")
    for failure in result.failures:
        tell(f"failed: {failure}")
    return FAILED if result.failures else DONE


def _print_now(line: str) -> None:
    print(line, flush=True)


def tell(line: str) -> None:
    """Show progress to whoever watches."""
    print(line, file=sys.stderr, flush=True)


def _find(args: argparse.Namespace) -> Any:
    from pipeline import cloud, deployment

    return deployment.find(cloud.join(args.cloud, args.account_id), args.stack_name)


def _story(args: argparse.Namespace) -> list[scenarios.Entry]:
    if args.scenario not in scenarios.SCENARIOS:
        known = ", ".join(scenarios.SCENARIOS)
        raise UserError(f"there is no scenario named {args.scenario!r}: choose one of {known}", usage=True)
    return scenarios.tell(args.scenario, args.events, args.products, args.seed)


def _print_json(facts: Any) -> int:
    print(json.dumps(facts, indent=2))
    return DONE


def _fail(line: str, status: int) -> int:
    print(f"inventory: {line}", file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="inventory", description="A real-time inventory pipeline: run it, feed it, check it."
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--cloud", choices=("local", "aws"), default="local", help="where (default: local)")
    common.add_argument("--stack-name", default="inventory", type=_stack_name, help="the stack (default: inventory)")
    common.add_argument("--account-id", help="the AWS account that --cloud aws may touch (or INVENTORY_AWS_ACCOUNT_ID)")
    common.add_argument("--json", action="store_true", help="print one JSON document on stdout")

    def add(verb: Verb) -> argparse.ArgumentParser:
        text = (verb.__doc__ or "").strip()
        added = verbs.add_parser(verb.__name__, parents=[common], help=text, description=text)
        added.set_defaults(verb=verb)
        return added

    upper = add(up)
    upper.add_argument("--port", type=_count, help="the local cloud's port (default: any free one)")
    upper.add_argument(
        "--parameter", metavar="NAME=VALUE", type=_pair, action="append", default=[], help="a stack parameter"
    )
    sender = add(send)
    sender.add_argument("--events", type=_count, default=1000, help="how many records (default: 1000)")
    sender.add_argument("--products", type=_count, default=20, help="about how many products (default: 20)")
    sender.add_argument(
        "--rate", type=_rate, metavar="PER_SECOND", help="records a second (default: as fast as it goes)"
    )
    sender.add_argument("--seed", type=int, default=7, help="another seed, another story (default: 7)")
    sender.add_argument(
        "--scenario", default="everyday", metavar="NAME", help=f"one of {', '.join(scenarios.SCENARIOS)}"
    )
    sender.add_argument("--file", type=Path, help="publish the lines of this file instead, as they are")
    add(stock).add_argument("--all", action="store_true", help="also products that were removed")
    add(audit)
    add(status)
    add(logs).add_argument("--follow", action="store_true", help="and go on with what comes, until Ctrl-C")
    add(down)
    reporter = add(report)
    reporter.add_argument(
        "--parameter", metavar="NAME=VALUE", type=_pair, action="append", default=[], help="a notebook parameter"
    )
    return parser


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


if __name__ == "__main__":
    sys.exit(main())
