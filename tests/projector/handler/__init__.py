"""The edge: a pipe's batch in, the records that have to come again out; what is written, and in which order."""
