"""Test sets for the agent: calling tools, telling results, keeping, changing and using thoughts; see data/README.md."""
