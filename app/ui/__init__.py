"""Bethink: app/ui."""
