"""What came of a call, as MCP sends it: structured content, the same as text, and resources for plots and files."""

from __future__ import annotations

import base64
import json
import mimetypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from mcp import types

from bethink.tools.contract import MAX_MODEL_BYTES, ToolResult

SCHEME = "bethink://results/"
LISTED = 100
"""Resources listed at most, the latest; older ones can still be read."""
MAX_IMAGE = 512 * 1024
"""Bytes of the pictures of one result, where they are sent with it."""


def call_result(result: ToolResult, images: bool) -> types.CallToolResult:
    """The output, or what went wrong as a sentence and the next step with ``isError``."""
    if result.error is not None or result.output is None:
        error = result.error or {"message": "The tool returned nothing.", "hint": ""}
        end = "" if error["message"].endswith((".", "!", "?")) else "."
        return error_result(f"{error['message']}{end} {error['hint']}".strip())
    output = {**result.output, **{kind: _as_resources(result.output[kind]) for kind in ("plots", "files")}}
    content: list[types.ContentBlock] = [types.TextContent(type="text", text=_text(output))]
    if images:
        content += _pictures([Path(plot["path"]) for plot in result.output["plots"]])
    return types.CallToolResult(content=content, structuredContent=output)


def error_result(message: str) -> types.CallToolResult:
    """A failure that the model can read."""
    return types.CallToolResult(content=[types.TextContent(type="text", text=message)], isError=True)


def listed(folder: Path) -> list[types.Resource]:
    """The plots and files that calls made, the latest first."""
    try:
        files = [(path.stat(), path) for path in folder.iterdir() if path.is_file()]
    except OSError:
        files = []
    files.sort(key=lambda found: -found[0].st_mtime)
    return [
        types.Resource(
            uri=uri(path.name),  # type: ignore[arg-type]
            name=path.name,
            mimeType=mime_type(path.name),
            size=status.st_size,
        )
        for status, path in files[:LISTED]
    ]


def read(folder: Path, address: str) -> tuple[bytes, str] | None:
    """A result's bytes and type; None for whatever is not a file in this very folder."""
    name = unquote(address.removeprefix(SCHEME))
    if not address.startswith(SCHEME) or not name.isprintable() or name.startswith(".") or set(name) & set("/\\:"):
        return None
    path = folder / name
    try:
        if not path.is_file() or path.resolve(strict=True).parent != folder.resolve(strict=True):
            return None
        return path.read_bytes(), mime_type(name)
    except OSError:  # a name too long for the file system, say
        return None


def uri(name: str) -> str:
    """The address of a file that a call made."""
    return SCHEME + quote(name)


def mime_type(name: str) -> str:
    """The type of a file by its ending."""
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _as_resources(made: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**one, "path": uri(Path(one["path"]).name)} for one in made]


def _text(output: dict[str, Any]) -> str:
    text = json.dumps(output, ensure_ascii=False)
    if len(text.encode("utf-8", "replace")) <= MAX_MODEL_BYTES:
        return text
    short = {key: output[key] for key in ("plots", "files")}
    short = {"summary": output["summary"][: MAX_MODEL_BYTES // 4], **short, "note": "All of it: structured content."}
    return json.dumps(short, ensure_ascii=False)


def _pictures(paths: list[Path]) -> Iterator[types.ImageContent]:
    room = MAX_IMAGE
    for path in paths:
        data = path.read_bytes() if path.suffix == ".png" and path.stat().st_size <= room else b""
        if data:
            room -= len(data)
            yield types.ImageContent(type="image", data=base64.b64encode(data).decode(), mimeType="image/png")
