"""``make bench NAME=serving``: eight users at once for five minutes, then ``kill -9`` and a second start.

Each user asks over ``/v1`` with a token of their own, at most 20 times a minute, and tells something new each time.
``BETHINK_LOAD_S=60`` makes it shorter. Some seven minutes.
"""

from __future__ import annotations

from tests.benchmarks.report import run_parts

if __name__ == "__main__":
    run_parts(
        "serving",
        {"load": "first tokens, errors and memory under load; nothing acknowledged is lost"},
        ("bethink", "gradio"),
    )
