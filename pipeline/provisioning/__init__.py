"""What the pipeline runs on: template, bundle, stack; one way up, one way down."""
