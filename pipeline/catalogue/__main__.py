"""Write docs/events.md, or with `--check` say whether it is stale."""

import argparse
import sys
from collections.abc import Sequence

from pipeline.catalogue.page import COMMAND, PAGE, is_stale, page


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page and return the exit status: with `--check`, 1 if it is stale."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if the page is stale")
    if not parser.parse_args(arguments).check:
        PAGE.write_text(page(), "utf-8")
    elif is_stale():
        print(f"docs/{PAGE.name} is stale: run {COMMAND}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
