"""Is it right: the oracle, the audit."""
