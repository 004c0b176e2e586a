"""``bethink serve``."""

from __future__ import annotations

import ipaddress
import os
import re
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from bethink.app.output import fail, stderr

HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")


def run_serve(
    *,
    model: str | None,
    data: Path | None,
    user: str | None,
    host: str | None,
    port: int | None,
    allow_hosts: Sequence[str],
    open_browser: bool,
    insecure: bool,
) -> None:
    """Open the agent and serve the page, ``/mcp``, ``/healthz`` and ``/metrics`` until interrupted."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from importlib.metadata import version

    from bethink.app.commands.users import require_extra
    from bethink.app.settings import load_settings

    require_extra()
    from bethink.app.access.users import Users
    from bethink.app.build import data_folder, open_agent
    from bethink.app.commands.chat import private_cache

    settings = load_settings(model=model, data=data, user=user, host=host, port=port, hosts=list(allow_hosts) or None)
    os.umask(0o077)  # what several people say here is for no other account of this machine
    folder = data_folder(settings.data)
    folder.chmod(0o700)
    known = Users(folder)
    login = bool(known.names())
    names = names_for(settings.host, settings.hosts, login=login, insecure=insecure)
    mcp = find_spec("mcp") is not None
    agent = open_agent(settings)
    private_cache(folder / "web-cache")
    stderr.print(
        f"bethink {version('bethink')} | model: {settings.model} | data: {settings.data} | "
        + (f"{len(known.names())} users may log in" if login else f"no login: everybody is {settings.user}"),
        highlight=False,
    )
    if not mcp:
        stderr.print("[yellow]Warning:[/] The MCP SDK is not installed, so there is no /mcp.", highlight=False)
    if not is_loopback(settings.host):
        told = "Passwords and tokens are sent as they are: put a reverse proxy with TLS in front (docs/serve.md)."
        stderr.print(f"[yellow]Warning:[/] {told}", highlight=False, soft_wrap=True)
    try:
        from bethink.agents.turn_limits import TurnLimits
        from bethink.app.serve import create_app, serve
        from bethink.app.ui.uploads import UploadLimits

        agent.running.limits = TurnLimits(settings.turns_per_minute)
        app = create_app(
            agent,
            default_user=settings.user,
            users=known if login else None,
            mcp=mcp,
            metrics=True,
            hosts=names,
            uploads=UploadLimits(int(settings.max_upload_mb * 1e6)),
            settings=settings,
        )
        threading.Thread(target=agent.warm_up, name="warm-up", daemon=True).start()
        away = not is_loopback(settings.host)
        serve(app, settings.host, settings.port, open_browser, elsewhere=away, proxies=settings.proxies)
    finally:
        agent.close()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there.

    Example:
        >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
        (True, True, False)
    """
    from bethink.app.serve import LOOPBACK

    return host in LOOPBACK


def names_for(host: str, hosts: Sequence[str], *, login: bool, insecure: bool) -> list[str]:
    """The names under which the server may be asked, besides this machine's own.

    Ends with a sentence where other machines would reach a server that asks nobody who they are, or where nobody said
    under which names they reach it: a page of anybody's could then lead browsers to it by a name of its own.
    """
    for name in hosts:
        if not HOST_NAME.fullmatch(name):
            hint = "Give it as in the address line, without http:// and port: --allow-host chat.example.org"
            fail(f"{name[:100]!r} is no name of a host.", hint, code=2)
    if is_loopback(host):
        return list(hosts)
    if not login and not insecure:
        fail(
            f"Bethink does not listen on {host} while nobody has to log in.",
            "Add a user first: bethink users add NAME. Or leave --host out, and only this machine reaches it. "
            "(--insecure serves everybody who reaches it, all as one user.)",
            code=2,
        )
    own = [] if _is_any(host) else [host]
    if not own and not hosts:
        fail(
            f"Under which names or addresses will {host} be asked?",
            "Say each: --allow-host chat.example.org, or hosts = [...] in bethink.toml.",
            code=2,
        )
    return [*own, *hosts]


def _is_any(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
