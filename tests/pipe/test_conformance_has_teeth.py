"""Every fact of the conformance suite was seen to fail: against a runtime in which one line is wrong."""

import subprocess
import sys

from tests.pipe import wrong_runtimes
from tests.pipe.conformance import facts


def test_every_wrong_runtime_is_found_out() -> None:
    """In processes of their own: none of them is to be wrong in this one."""
    done = subprocess.run([sys.executable, "-m", wrong_runtimes.__name__], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_change_that_breaks_nothing_is_not_found_out() -> None:
    harmless = ("a_single_record_comes_in_an_array_too", "records:payload", "join(", "join(")
    assert wrong_runtimes.unnoticed(harmless, patience=10).startswith(harmless[0])


def test_every_fact_has_a_wrong_runtime() -> None:
    assert {name.removeprefix("test_") for name in facts()} == {fact for fact, *_ in wrong_runtimes.WRONG}
