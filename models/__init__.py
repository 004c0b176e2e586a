"""Chat backbones, decoding, grammar, embedder and energy."""

import os

# Idle OpenMP threads spin by default, which makes prompts far slower on a machine whose cores are shared. Sleeping
# costs some prompt speed on an idle one (how much was not measured). Read when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
