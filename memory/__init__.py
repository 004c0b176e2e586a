"""Bethink: memory."""
