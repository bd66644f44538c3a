"""What the service does, one use case a file; everything from outside comes in as an argument."""
