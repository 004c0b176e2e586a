"""Bethink: app."""
