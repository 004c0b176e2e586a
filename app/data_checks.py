"""What ``bethink doctor`` looks at among a user's own data: the folder, stores, secrets, and who else is reached."""

from __future__ import annotations

import os
import re
import stat
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bethink.app.checks import CheckError

if TYPE_CHECKING:
    from bethink.app.settings import Settings

PASSWORD_IN_ADDRESS = re.compile(r"://[^/@\s\"']*:[^/@\s\"']+@")


def folder(settings: Settings) -> str:
    """Whether the data folder can be written."""
    from bethink.app.build import data_folder

    return str(data_folder(settings.data))


def private(settings: Settings) -> str:
    """Whether other users of this machine can read chats and thoughts."""
    from bethink.app.build import data_folder

    place = data_folder(settings.data)
    if readable_by_others(place):
        raise CheckError(f"Every user of this machine can read {place}.", f"Run: chmod 700 {place}")
    return "nobody else on this machine reads the data folder"


def secrets(settings: Settings) -> str:
    """Whether a settings file with a password in it can be read by others."""
    from bethink.app.settings import PROJECT_FILE, user_file

    holding = [path for path in (PROJECT_FILE, user_file()) if path.is_file() and holds_secret(path)]
    for path in holding:
        if readable_by_others(path.absolute()):
            hint = f"Run: chmod 600 {path}, or give the value in the environment (BETHINK_...)."
            raise CheckError(f"{path} holds a password, and every user of this machine can read it.", hint)
    return f"{len(holding)} settings files with passwords, read by you alone" if holding else "none in settings files"


def thoughts(settings: Settings) -> str:
    """Where thoughts are, whether the files are whole or the server answers."""
    from bethink.app.build import memory_folder
    from bethink.memory.integrity import checked_memory
    from bethink.memory.server import chroma_server

    told = checked_memory(memory_folder(settings))
    if not settings.memory_server:
        return f"in the data folder: {told}"
    chroma_server(settings.memory_server, 1).close()
    return f"on the Chroma server at {settings.memory_server}; journal here: {told}"


def chats(settings: Settings) -> str:
    """Whether the file of chats is whole."""
    from bethink.agents.threads import SCHEMA, VERSION
    from bethink.app.build import data_folder
    from bethink.memory.integrity import checked_database

    path = data_folder(settings.data) / "threads.db"
    return checked_database(path, SCHEMA, VERSION) if path.exists() else "none yet"


def run_state(settings: Settings) -> str:
    """Where the state of running turns is kept, and whether the database answers."""
    address = settings.checkpoints.get_secret_value()
    if not address:
        return "in the data folder"
    from bethink.agents.checkpoints import tried

    return f"on PostgreSQL {tried(address)}"


def network(settings: Settings) -> str:
    """Which other machines are reached, and whether the model hub may be asked."""
    offline = any(os.environ.get(name, "").upper() in ("1", "TRUE", "YES", "ON") for name in OFFLINE)
    if settings.model.startswith("hf:"):
        name = settings.model.removeprefix("hf:")
        if offline and not _cached(name):
            hint = f"Unset {' and '.join(OFFLINE)} once to load it, or give the path of a folder that holds the model."
            raise CheckError(f"{name} is not on this machine, and the hub may not be asked.", hint)
    elsewhere = reached(settings)
    hub = "the hub is never asked (HF_HUB_OFFLINE)" if offline else "the hub is asked for hf: models only"
    return f"{'reaches ' + ', '.join(elsewhere) if elsewhere else 'nothing leaves this machine'}; {hub}"


OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")


def reached(settings: Settings) -> list[str]:
    """The hosts apart from this machine that the settings name, and what goes there."""
    addresses = {"thoughts": settings.memory_server, "run state": settings.checkpoints.get_secret_value()}
    if settings.model.startswith("openai:"):
        addresses["questions with what is recalled"] = settings.model.removeprefix("openai:")
    addresses |= {f"arguments of {name}'s tools": server.url for name, server in settings.mcp_servers.items()}
    hosts = {what: _host(address) for what, address in addresses.items() if address}
    return [f"{host} ({what})" for what, host in hosts.items() if not _is_here(host)]


def _host(address: str) -> str:
    try:
        return urlsplit(address if "//" in address else f"http://{address}").hostname or ""
    except ValueError:
        return ""


def _is_here(host: str) -> bool:
    if host in ("", "localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _cached(name: str) -> bool:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return isinstance(try_to_load_from_cache(name, "config.json"), str)
    except HFValidationError:
        return False


def holds_secret(path: Path) -> bool:
    """Whether a settings file has an address with a password in it, or an environment for somebody's server."""
    import tomllib

    try:
        text = path.read_text(encoding="utf-8")
        servers: Any = tomllib.loads(text).get("mcp_servers", {})
    except (OSError, ValueError):
        return False
    given = servers.values() if isinstance(servers, dict) else []
    return bool(PASSWORD_IN_ADDRESS.search(text)) or any(isinstance(one, dict) and one.get("env") for one in given)


def readable_by_others(path: Path) -> bool:
    """Whether any user of this machine can read a file or list a folder: it, and the way to it, are open to others."""
    if os.name != "posix":
        return False
    reading = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0)
    way = all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)
    return way and path.stat().st_mode & reading == reading
