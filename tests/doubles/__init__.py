"""What the tests use in the place of AWS and of a shop: one Kinesis, one table, one way to make an event."""
