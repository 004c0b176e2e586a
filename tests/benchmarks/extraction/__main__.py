"""``make bench NAME=extraction``: triples found in KdConv, and days found in GVD.

``BETHINK_DIALOGUE_DATA`` names the folder of KdConv's test sets (``kdconv_film_test.json``, gzipped or not); without it
that part is not measured. ``ONLY=gvd make bench NAME=extraction`` measures one part anew; the other's figures stay.
"""

from __future__ import annotations

from tests.benchmarks.report import run_parts

PARTS = {
    "kdconv": "triples that the extractors find in KdConv",
    "gvd": "days that GVD's questions name, found",
}

PACKAGES = ("bethink", "chromadb", "numpy", "torch", "transformers", "onnxruntime", "sentence-transformers")

if __name__ == "__main__":
    run_parts("extraction", PARTS, PACKAGES)
