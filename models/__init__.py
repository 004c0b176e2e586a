"""Chat backbones, decoding, grammar, embedder and energy."""

import os

# Idle OpenMP threads spin by default. On a machine that does anything else, two spinning threads on two cores make a
# prompt take ten times as long; sleeping instead costs an idle machine a few per cent. Read when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
