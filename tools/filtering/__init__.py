"""Bethink: tools/filtering."""
