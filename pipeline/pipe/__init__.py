"""The pipe runtime: what EventBridge Pipes does between a stream and its target."""
