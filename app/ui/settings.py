"""The Settings tab: what is set, where that comes from, and a form that writes the settings' file."""

from __future__ import annotations

import html
import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import gradio as gr
from pydantic import SecretStr

from bethink.app.settings import Settings, SettingsError, load_settings
from bethink.app.settings_file import CHANGEABLE, save, settings_file, sources
from bethink.app.ui import forms
from bethink.app.ui.energy import table
from bethink.app.ui.tools import said

if TYPE_CHECKING:
    from bethink.agents.agent import Agent

PACKAGES = (
    "bethink",
    "torch",
    "transformers",
    "peft",
    "sentence-transformers",
    "langchain",
    "chromadb",
    "gradio",
    "mcp",
)
SHARED = "Several people use this server, so its settings are changed in its file only, by whoever runs it."
UserOf = Callable[[gr.Request], str]


def build_settings(agent: Agent, settings: Settings, *, login: bool) -> None:
    """Build the tab inside the current Blocks. Where people log in, nothing can be changed here."""
    schema = Settings.model_json_schema()
    asked = {"properties": {name: schema["properties"][name] for name in CHANGEABLE}}
    form = forms.fields(asked)
    origin = sources(settings)
    if login:
        gr.Markdown(SHARED)
    else:
        gr.Markdown(
            "Saved to the settings' file and used from the next start on. What the command line or the environment "
            "says is stronger than the file, and cannot be changed here."
        )
        with gr.Row(elem_classes="tool-form"):
            controls = [
                forms.control(
                    told, interactive=not fixed(origin[one.name]), elem_id=f"settings-{one.name}"
                )
                for one in form
                for told in [with_origin(one, getattr(settings, one.name), origin[one.name])]
            ]  # fmt: skip
        with gr.Row():
            keep = gr.Button("Save", variant="primary", size="md", scale=0, min_width=140, elem_id="settings-save")
        state = gr.HTML("", elem_id="settings-state")

        def on_save(*shown: Any) -> Any:
            """(state, the controls): write what differs from what the next start would find."""
            told = [with_origin(one, getattr(settings, one.name), origin[one.name]) for one in form]
            try:
                read = {one.name: one.read(value) for one, value in zip(form, shown, strict=True)}
                found = load_settings()
                changes = {}
                for name, value in read.items():
                    wanted = "" if value is None and isinstance(getattr(found, name), str) else value
                    if not fixed(origin[name]) and wanted != getattr(found, name):
                        changes[name] = wanted
                path = save(changes)
            except (SettingsError, ValueError) as problem:
                words = str(problem)
                wrong = {one.name: "See above." for one in form if f"{one.name}:" in words}
                return said(words, bad=True), *forms.marked(told, wrong)
            return said(f"Saved to {path}. Start Bethink again to use it."), *forms.marked(told, {})

        keep.click(on_save, controls, [state, *controls], show_progress="hidden", api_visibility="private")
    gr.HTML(others_table(settings, origin, shared=login), elem_id="settings-others")
    gr.HTML(versions_table(agent), elem_id="settings-versions")


def fixed(origin: str) -> bool:
    """Whether a setting comes from where the file cannot change it."""
    return origin == "command line" or origin.startswith("environment")


def with_origin(one: forms.Field, value: Any, origin: str) -> forms.Field:
    """The field with its present value, and where that comes from beside what it means."""
    words = one.description.replace("``", "").strip()
    return forms.Field(
        one.name, one.kind, f"{words} Now: {origin}.", value, one.required, one.whole, one.options, one.bounds
    )


def plain(value: Any) -> str:
    """A setting's value as text. Secrets and the servers' commands, which may hold some, are only said to be there."""
    if isinstance(value, SecretStr):
        return "set (not shown)" if value.get_secret_value() else "not set"
    if isinstance(value, dict):
        return ", ".join(value) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value) if str(value) else "not set"


def others_table(settings: Settings, origin: dict[str, str], *, shared: bool) -> str:
    """The settings that the page does not change, with where they come from."""
    fields = Settings.model_fields
    names = [name for name in fields if shared or name not in CHANGEABLE]
    rows = [
        (name, plain(getattr(settings, name)), origin[name], (fields[name].description or "").replace("``", ""))
        for name in names
    ]
    where = f"<p>They are changed in {html.escape(str(settings_file()))}.</p>" if not shared else ""
    return table(("setting", "now", "from", "what it is"), rows) + where


def versions_table(agent: Agent) -> str:
    """The program, the model, and the packages that decide how it behaves."""
    rows = [("model", agent.model_name), ("Python", platform.python_version())]
    for name in PACKAGES:
        try:
            rows.append((name, version(name)))
        except PackageNotFoundError:
            rows.append((name, "not installed"))
    note = "<p>Is everything in order? <code>bethink doctor</code> looks.</p>"
    return table(("", "version"), rows) + note
