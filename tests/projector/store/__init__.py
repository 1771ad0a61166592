"""docs/contract.md, section 4, on the embedded cloud: the item, the guard, and sixteen writers of one laptop."""
