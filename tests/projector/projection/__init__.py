"""docs/contract.md, sections 2 and 3: what an event does, and that it does so once."""
