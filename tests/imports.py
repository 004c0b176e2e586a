"""Who imports whom, read from the source: the picture and the table of docs/architecture.md (``python -m tests.imports``)."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("app", "agents", "memory", "tools", "models")
BEGIN, END = "<!-- imports: written by python -m tests.imports -->", "<!-- end of imports -->"


def imports() -> Counter[tuple[str, str]]:
    """(importing package, imported package) -> how many modules of the first import the second, lazily or at once."""
    found: Counter[tuple[str, str]] = Counter()
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
            names += [each.name for node in ast.walk(tree) if isinstance(node, ast.Import) for each in node.names]
            others = {name.split(".")[1] for name in names if name.startswith("bethink.")} - {package}
            found.update((package, other) for other in others)
    return found


def modules() -> dict[str, int]:
    """How many modules each package has."""
    return {package: sum(1 for _ in (ROOT / package).rglob("*.py")) for package in PACKAGES}


def table() -> str:
    """The imports as a Markdown table: rows import columns."""
    found = imports()
    lines = [f"| imports | {' | '.join(PACKAGES)} |", f"|---|{'---|' * len(PACKAGES)}"]
    for row in PACKAGES:
        cells = [str(found[row, column]) if found[row, column] else "" for column in PACKAGES]
        lines.append(f"| **{row}** ({modules()[row]} modules) | {' | '.join(cells)} |")
    return "\n".join(lines)


def picture() -> str:
    """The imports as a Mermaid flowchart."""
    arrows = [f"    {a} -->|{count}| {b}" for (a, b), count in sorted(imports().items())]
    return "\n".join(["```mermaid", "flowchart TD", *arrows, "```"])


def filled(page: str) -> str:
    """The page with picture and table as they are now."""
    inside = f"{BEGIN}\n\n{picture()}\n\n{table()}\n\n{END}"
    return re.sub(re.escape(BEGIN) + ".*?" + re.escape(END), lambda _: inside, page, flags=re.DOTALL)


if __name__ == "__main__":
    path = ROOT / "docs" / "architecture.md"
    path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
    print(table())
