"""Other ways to do the projector's work. Each contender has a `handler` that takes what the pipe sends."""
