"""Training of adapters: examples, their mixing, the trainer, and scoring."""
