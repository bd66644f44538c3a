"""What the service is about, without any input or output."""
