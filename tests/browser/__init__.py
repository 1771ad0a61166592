"""The report and the notebooks in a real browser. Not part of `make test`: `make test-browser` runs it."""
