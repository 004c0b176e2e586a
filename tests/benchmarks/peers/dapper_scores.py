"""DAPPER behind a line protocol, so that it can stand beside ours in one run; runs under any Python that has dapper.

One JSON object a line on stdin, one a line on stdout:
``{"settings": "Lorenz96.sakov2008", "method": "EnKF", "options": {...}, "seed": 1}`` is answered by DAPPER's own time
averages after its burn-in: ``{"rmse": ..., "spread": ..., "cycles": ..., "seconds": ...}``, for the analysis (seconds
without making the truth). ``settings`` is a module
of ``dapper.mods`` with an ``HMM``, ``method`` one of DAPPER's names; ``cycles`` (optional) is DAPPER's ``Ko``.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def main() -> None:
    answers = sys.stdout
    sys.stdout = sys.stderr  # what DAPPER prints must not stand between the answers
    os.environ["MPLBACKEND"] = "agg"
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # DAPPER reads its configuration here, and makes a folder for data where that says
        config = {"liveplotting": False, "data_root": "$cwd", "store_u": False}
        Path("dpr_config.yaml").write_text(json.dumps(config), encoding="utf-8")
        import dapper

        importlib.import_module("dapper.tools.progressbar").disable_progbar = True
        print(json.dumps({"ready": True, "version": dapper.__version__}), file=answers, flush=True)
        for line in sys.stdin:
            print(json.dumps(scores(json.loads(line))), file=answers, flush=True)
        os.chdir(before)


def scores(job: dict[str, Any]) -> dict[str, float]:
    """One experiment: truth and observations by the seed, then the method."""
    import dapper
    import dapper.da_methods as methods

    hmm = importlib.import_module(f"dapper.mods.{job['settings']}").HMM.copy()
    if "cycles" in job:
        hmm.tseq.Ko = job["cycles"]
    dapper.set_seed(job["seed"])
    truth, observations = hmm.simulate()
    run = getattr(methods, job["method"])(**job["options"])
    start = time.perf_counter()
    run.assimilate(hmm, truth, observations, liveplots=False)
    run.stats.average_in_time()
    return {
        "rmse": float(run.avrgs.err.rms.a.val),
        "spread": float(run.avrgs.spread.rms.a.val),
        "cycles": int(hmm.tseq.Ko),
        "seconds": time.perf_counter() - start,
    }


if __name__ == "__main__":
    main()
