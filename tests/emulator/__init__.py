"""The embedded cloud: what it sees of the machine that it runs on, and what it lets out."""
