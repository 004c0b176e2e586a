"""llama.cpp behind a line protocol, so that it can take turns with ours; runs under any Python with llama-cpp-python.

One JSON object a line on stdin, ``{"do": "decode" | "prefill", "prompt": [ids], "new": n}``; one a line on stdout. The
speed is llama.cpp's own count of evaluation time, without its Python wrapper: the most favourable to it.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any


def main(path: str, threads: int) -> None:
    import llama_cpp

    model = llama_cpp.Llama(path, n_ctx=2048, n_threads=threads, n_threads_batch=threads, verbose=False)
    print(json.dumps({"ready": True, "version": llama_cpp.__version__}), flush=True)
    for line in sys.stdin:
        job: dict[str, Any] = json.loads(line)
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(model.ctx), True)
        model.reset()
        llama_cpp.llama_perf_context_reset(model.ctx)
        start = time.perf_counter()
        model.eval(job["prompt"])
        prefill = time.perf_counter() - start
        out: list[int] = []
        start = time.perf_counter()
        if job["do"] == "decode":
            token = model.sample(temp=0.0)
            while len(out) < job["new"]:
                out.append(token)
                model.eval([token])
                token = model.sample(temp=0.0)
        wall = time.perf_counter() - start
        inner = llama_cpp.llama_perf_context(model.ctx)
        answer = {
            "prefill_s": prefill,
            "tokens": out,
            "wall_s": wall,
            "eval_s": inner.t_eval_ms / 1000,
            "n_eval": inner.n_eval,
            "prompt_eval_s": inner.t_p_eval_ms / 1000,
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
