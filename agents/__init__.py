"""Bethink: agents."""
