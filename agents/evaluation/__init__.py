"""Bethink: agents/evaluation."""
