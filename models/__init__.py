"""Bethink: models."""
