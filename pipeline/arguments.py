"""What all verbs share: their options, their exit status, and one clear line for whatever goes wrong."""

import functools
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from pipeline import cloud as clouds
from pipeline.errors import UserError
from pipeline.provisioning import deployment
from pipeline.safe_text import one_line, visible

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130

DRY_RUN = click.option("--dry-run", is_flag=True, help="say what would be done, call by call, and change nothing")

Decorator = Callable[[Callable[..., Any]], Any]


@dataclass(frozen=True)
class Call:
    """What every verb is told: which stack on which cloud, and for whom to print."""

    cloud_name: str
    stack_name: str
    account_id: str | None
    as_json: bool

    def find(self) -> deployment.Deployment:
        """Return the deployment that the call is about, which must be there."""
        return deployment.find(clouds.join(self.cloud_name, self.account_id, self.stack_name), self.stack_name)

    def show(self, facts: Any, lines: Iterable[str]) -> None:
        """Print the facts as one JSON document, or else the lines that tell people the same."""
        if self.as_json:
            print(json.dumps(facts, indent=2))
        else:
            for line in lines:
                print(one_line(line), flush=True)


def tell(line: str) -> None:
    """Show progress to whoever watches."""
    with suppress(BrokenPipeError):  # nobody watches any more; the work goes on
        print(one_line(line), file=sys.stderr, flush=True)


def verb(name: str, default_stack: str | None = "inventory", default_cloud: str | None = clouds.NAMES[0]) -> Decorator:
    """Make a function a verb: it is given a `Call` and its own options, and returns its exit status (None: done).

    Its docstring is its help. A default of None leaves it to the verb what is meant.
    """

    def decorate(function: Callable[..., int | None]) -> click.Command:
        @click.option(
            "--cloud", type=click.Choice(clouds.NAMES), default=default_cloud, show_default=True, help="where"
        )
        @click.option("--stack-name", default=default_stack, show_default=True, callback=_stack_name)
        @click.option("--account-id", help="the AWS account that --cloud aws may touch (or INVENTORY_AWS_ACCOUNT_ID)")
        @click.option("--json", "as_json", is_flag=True, help="print one JSON document on stdout")
        @functools.wraps(function)
        def called(cloud: str, stack_name: str, account_id: str | None, as_json: bool, **options: Any) -> int | None:
            try:
                return function(Call(cloud, stack_name, account_id, as_json), **options)
            except (ClientError, BotoCoreError) as error:
                raise UserError(clouds.explain(error, cloud, stack_name)) from error

        return click.command(name)(called)

    return decorate


def run(command: click.Command, name: str, arguments: Sequence[str]) -> int:
    """Carry out a command and return its exit status."""
    _escape_what_the_terminal_lacks()
    try:
        with command.make_context(name, list(arguments)) as context:
            exit_status = command.invoke(context)
        sys.stdout.flush()
        return exit_status or DONE
    except click.exceptions.Exit as ended:  # --help
        return ended.exit_code
    except click.exceptions.NoArgsIsHelpError as asked:
        print(asked.format_message(), file=sys.stderr)
        return WRONG_USAGE
    except click.UsageError as wrong:
        path = wrong.ctx.command_path if wrong.ctx else name
        return _fail(f"{wrong.format_message()} See: {path} --help", WRONG_USAGE)
    except UserError as error:
        return _fail(str(error), error.exit_status)
    except BrokenPipeError:  # whoever read our output has seen enough
        _silence()
        return DONE
    except OSError as error:
        _silence()
        return _fail(f"{error.filename or 'the system'}: {error.strerror or error}", FAILED)
    except KeyboardInterrupt:
        return _fail("interrupted; what was done so far stands", INTERRUPTED)


def bounded(is_right: Callable[[Any], bool], words: str) -> Callable[..., Any]:
    """Make a callback for an option whose value has to be what the words say."""

    def check(context: click.Context, option: click.Parameter, value: Any) -> Any:
        if value is not None and not is_right(value):
            raise click.BadParameter(f"{value!r} is not {words}.")
        return value

    return check


def pairs(context: click.Context, option: click.Parameter, given: Iterable[str]) -> dict[str, str]:
    """Read values of the form NAME=VALUE."""
    named = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"{text!r} is not NAME=VALUE.")
        named[name] = value
    return named


def _is_stack_name(text: str) -> bool:
    return text[:1].isalpha() and text.isascii() and text.replace("-", "").isalnum() and len(text) <= 40


_stack_name = bounded(_is_stack_name, "a stack name: letters, digits and hyphens, a letter first, 40 at most")


def _escape_what_the_terminal_lacks() -> None:
    """Write what the output's encoding cannot say as `\\u20ac`, instead of not at all."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # a test's stand-in cannot be set
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _silence() -> None:
    """Let what stdout still holds go nowhere, or Python would try to write it again in the end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(line: str, exit_status: int) -> int:
    print(f"inventory: {visible(line)}", file=sys.stderr)
    return exit_status
