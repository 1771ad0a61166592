"""What the projector costs, beside the usual ways to do its work, on the embedded cloud. `make bench` runs it."""
