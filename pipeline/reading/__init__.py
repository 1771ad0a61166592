"""What can be seen: stream, stock, queues, logs, status."""
