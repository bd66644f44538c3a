"""A lending market whose loan-to-value ratio follows a proven risk model."""
