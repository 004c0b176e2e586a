"""Where a user's files lie: one folder each, whose name tells nobody who it is."""

from __future__ import annotations

import hashlib
from pathlib import Path


def user_folder(data: Path, what: str, user_id: str) -> Path:
    """The folder of a user's ``what`` (``uploads``, say) in the data folder; it need not exist."""
    return data / what / hashlib.sha256(user_id.encode("utf-8", "replace")).hexdigest()[:16]
