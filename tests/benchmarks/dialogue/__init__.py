"""Long dialogues: what is found of them, and what the models answer from it."""
