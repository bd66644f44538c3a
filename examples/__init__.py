"""Worked examples: each a model, its data and what a contract makes of it."""
