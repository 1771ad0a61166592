"""The ways to do the projector's work. Each module has a `handler` that takes what the pipe sends."""
