"""The projector proven right: every interleaving, crash point and fault that counts, and bugs planted to be found."""
