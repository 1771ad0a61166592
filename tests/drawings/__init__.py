"""The drawings are derived: from the template, and from what the projector's code answers."""
