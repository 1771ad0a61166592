"""What is sent: scenarios, popularity, the producer."""
