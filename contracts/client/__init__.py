"""Typed access to the deployed contracts."""
