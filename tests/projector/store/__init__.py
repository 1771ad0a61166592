"""Section 4 of the contract against the embedded cloud: the item, the guard, and sixteen who want the same laptop."""
