"""What a verb says when it cannot do what it was asked."""


def complaint(done, status):
    """Return the one line on stderr."""
    assert "Traceback" not in done.stderr
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("inventory")
    return line


def nothing_half_made(inventory):
    assert inventory.leftovers() == []
    assert not (inventory.state_dir / "checkpoints").exists()
