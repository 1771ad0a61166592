"""When it was not right: decide on what was refused, and bring it back."""
