"""The page about conformance says what the suite says."""

from tests.pipe import facts


def test_the_conformance_page_is_up_to_date() -> None:
    """Write it again with `python -m tests.pipe.facts`."""
    assert facts.PAGE.read_text() == facts.page()
