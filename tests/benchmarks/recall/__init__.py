"""How well thoughts are found, and how fast, beside every memory and index that one could install."""
