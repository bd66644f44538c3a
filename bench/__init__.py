"""Benchmarks: one file per question, results in results/, reference models in models.py."""
