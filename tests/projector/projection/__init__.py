"""Sections 2 and 3 of the contract: what an event does, and that it does so once."""
