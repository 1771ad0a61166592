"""One run, read back: what the notebooks show is in both files, harmless, numbered, linked and the same every time."""
