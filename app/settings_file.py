"""The settings' file: where each setting comes from, and changing some without touching the rest."""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bethink.app.settings import PROJECT_FILE, Settings, SettingsError, faults, load_settings, user_file
from bethink.models.energy.carbon import Carbon, CarbonError

CHANGEABLE = (
    "model", "memory", "max_new_tokens", "temperature", "precision", "keep_prefix", "full_history", "repeat_answers",
    "think_after_s", "unload_after_min", "country", "pue", "joules_per_token_in", "joules_per_token_out", "otel",
    "port", "turns_per_minute", "max_upload_mb",
)  # fmt: skip
"""Settings that the page may change. The others say where data goes, who may come in, or which programs are started."""


def settings_file() -> Path:
    """The file that changes go to: that of this folder where there is one, else the user's own."""
    return PROJECT_FILE if PROJECT_FILE.is_file() else user_file()


def sources(settings: Settings) -> dict[str, str]:
    """Where each setting of ``settings`` comes from, in words: the strongest source that sets it."""
    environment = {name.lower() for name in os.environ}
    files = [(path, set(_content(path))) for path in (PROJECT_FILE, user_file())]
    try:
        plain = load_settings()
    except SettingsError:  # the file was changed since
        plain = settings
    found = {}
    for name in Settings.model_fields:
        named = [str(path) for path, keys in files if name in keys]
        if getattr(plain, name) != getattr(settings, name):
            found[name] = "command line"
        elif f"bethink_{name}" in environment:
            found[name] = f"environment, BETHINK_{name.upper()}"
        else:
            found[name] = named[0] if named else "default"
    return found


def save(changes: Mapping[str, Any]) -> Path:
    """Write some settings to :func:`settings_file`, whole or not at all; what is as usual needs no line there.

    Comments and the order of the file stay. The running program keeps the settings it began with.

    Raises:
        SettingsError: a setting that may not be changed here, a value that cannot be, or a file that cannot be written.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    others = [name for name in changes if name not in CHANGEABLE]
    if others:
        raise SettingsError(f"{', '.join(others)} can be changed in the file only.")
    path = settings_file()
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.is_file() else tomlkit.document()
        weaker = set() if path == user_file() else set(_content(user_file()))
        for name, value in changes.items():
            usual = value is None or value == Settings.model_fields[name].default
            if usual and (value is None or name not in weaker):
                document.pop(name, None)
            elif name in document:
                document[name] = value
            else:  # first of all: after a [table] it would be one of the table's
                document = tomlkit.parse(tomlkit.dumps({name: value}) + tomlkit.dumps(document))
        made = Settings(**tomllib.loads(tomlkit.dumps(document)))
        Carbon.of(made.country, made.pue)  # the next start would end at what cannot be
        if (made.joules_per_token_in is None) != (made.joules_per_token_out is None):
            raise SettingsError("Not saved: set both joules_per_token_in and joules_per_token_out, or neither.")
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, tomlkit.dumps(document))
    except ValidationError as problem:
        raise SettingsError(f"Not saved: {faults(problem)}.") from problem
    except CarbonError as problem:
        raise SettingsError(f"Not saved: {problem}") from problem
    except (TOMLKitError, UnicodeDecodeError) as problem:
        raise SettingsError(f"{path} is not valid TOML ({problem}). Mend it, then save again.") from problem
    except OSError as problem:
        raise SettingsError(f"{path} cannot be written ({problem.strerror}).") from problem
    return path


def _content(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _write(path: Path, text: str) -> None:
    mode = path.stat().st_mode & 0o777 if path.is_file() else 0o600
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".", delete=False, encoding="utf-8") as part:
        part.write(text)
    os.chmod(part.name, mode)
    Path(part.name).replace(path)
