"""The browser under test: a Chromium that this machine has, never one that is downloaded."""

import os
import shutil
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = "test-browser: no Chromium found. Install one (Debian: apt-get install chromium), or name one: CHROMIUM=…"
QUIET = ("--disable-gpu", "--disable-quic", "--disable-sync")  # Playwright adds the rest, and a profile of its own


def find() -> str | None:
    """Find the browser: what CHROMIUM names, or the first on the PATH."""
    named = os.environ.get("CHROMIUM")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)


if __name__ == "__main__":
    sys.exit(None if find() else MISSING)
