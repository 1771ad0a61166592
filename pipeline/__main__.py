"""The command line: `inventory VERB`, or `python -m pipeline VERB`."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.arguments import parser
from pipeline.errors import UserError, WrongUsageError
from pipeline.stories import scenarios

DONE, FAILED, INTERRUPTED = 0, 1, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one verb and return the exit status."""
    args = parser([up, send, stock, audit, status, logs, report, down]).parse_args(arguments)
    try:
        done = args.verb(args)
        sys.stdout.flush()
        return done
    except UserError as error:
        return _fail(str(error), error.exit_status)
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
    from pipeline import cloud
    from pipeline.provisioning import deployment, stack

    parameters = stack.checked(dict(args.parameter))
    where = cloud.start(args.cloud, args.account_id, args.port)
    found = deployment.up(where, args.stack_name, parameters, tell)
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
    from pipeline.stories import producer

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
    from pipeline import cloud
    from pipeline.provisioning import deployment

    try:
        if args.cloud == "aws" or cloud.is_running():
            deployment.down(cloud.join(args.cloud, args.account_id), args.stack_name, tell)
    finally:
        cloud.stop(args.cloud)
    return _print_json({"deleted": True}) if args.json else DONE


def status(args: argparse.Namespace) -> int:
    """Show how the pipeline is: pipe, shards, retries, dead letters, last error."""
    from pipeline.reading import status as states

    facts = states.status(_find(args))
    if args.json:
        return _print_json(facts)
    print("\n".join(states.lines(facts)))
    return DONE


def logs(args: argparse.Namespace) -> int:
    """Print what pipe and projector wrote in the last quarter of an hour."""
    from pipeline.reading import logs as written

    found = _find(args)
    lines: list[str] = []
    written.show(found.cloud, found.outputs, args.follow, lines.append if args.json else _print_now)
    return _print_json(lines) if args.json else DONE


def report(args: argparse.Namespace) -> int:
    """Run the notebooks end to end and render the HTML and the PDF report."""
    from pipeline.report import make_report

    if args.account_id:
        os.environ["INVENTORY_AWS_ACCOUNT_ID"] = args.account_id  # the notebooks' kernels read it
    given = {"cloud": args.cloud, "stack_name": args.stack_name} | dict(args.parameter)
    result = make_report({name: value for name, value in given.items() if value is not None})
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
    with suppress(BrokenPipeError):  # nobody watches any more; the work goes on
        print(line, file=sys.stderr, flush=True)


def _find(args: argparse.Namespace) -> Any:
    from pipeline import cloud
    from pipeline.provisioning import deployment

    return deployment.find(cloud.join(args.cloud, args.account_id), args.stack_name)


def _story(args: argparse.Namespace) -> list[scenarios.NewRecord]:
    if args.scenario not in scenarios.SCENARIOS:
        known = ", ".join(scenarios.SCENARIOS)
        raise WrongUsageError(f"there is no scenario named {args.scenario!r}: choose one of {known}")
    return scenarios.write_story(args.scenario, args.events, args.products, args.seed, args.skew)


def _print_json(facts: Any) -> int:
    print(json.dumps(facts, indent=2))
    return DONE


def _fail(line: str, status: int) -> int:
    print(f"inventory: {line}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
