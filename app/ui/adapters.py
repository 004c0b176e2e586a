"""The Adapters tab: which adapters there are, what each was trained on and cost, and using one from the next start."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from bethink.app.settings import SettingsError
from bethink.app.settings_file import save
from bethink.app.ui.energy import amount, table
from bethink.app.ui.tools import said
from bethink.models.adapter_folder import AdapterError, adapter_report, list_adapters
from bethink.models.registry import BASE

if TYPE_CHECKING:
    from bethink.agents.agent import Agent
    from bethink.app.settings import Settings

MAX_PICTURE = 2_000_000
NONE = """There are no adapters in the data folder yet. One is trained from examples of your own, on this machine:

    bethink train adapter SETTINGS.toml

docs/multilora.md says what goes into the file. An adapter that somebody else trained is a folder; put it into
`adapters` of the data folder."""


def build_adapters(agent: Agent, tab: gr.Tab, settings: Settings, *, login: bool) -> None:
    """Build the tab inside the current Blocks. Where people log in, they look and change nothing."""
    place = settings.data.expanduser() / "adapters"
    gr.Markdown(f"The chat runs on **{agent.model_name}**.", elem_id="adapters-now")
    empty = gr.Markdown(NONE, visible=False, elem_id="adapters-none")
    chosen = gr.Radio([], label="Adapters", visible=False, elem_id="adapters-chosen")
    card = gr.HTML("", elem_id="adapters-card")
    code = gr.Code("", language="shell", label="Use it", visible=False, interactive=False, elem_id="adapters-code")
    with gr.Row():
        use = gr.Button("Use it from the next start on", visible=False, elem_id="adapters-use")
        plain = gr.Button("Use none from the next start on", visible=False, elem_id="adapters-plain")
    state = gr.HTML("", elem_id="adapters-state")

    def on_open(name: str | None) -> Any:
        """(empty, chosen, card, code, use, plain)."""
        names = [each["name"] for each in list_adapters(place)]
        shown = name if name in names else (names[0] if names else None)
        there = bool(names)
        return (
            gr.update(visible=not there),
            gr.update(choices=names, value=shown, visible=there),
            *on_pick(shown),
            gr.update(visible=there and not login),
            gr.update(visible="+" in settings.model and not login),
        )

    def on_pick(name: str | None) -> Any:
        """(card, code)."""
        folder = folder_of(place, name)
        if folder is None:
            return "", gr.update(visible=False)
        command = (
            f"bethink chat --model '{base_of(folder)}+{folder}'\nbethink adapter export {folder.name} --out FOLDER"
        )
        return report(folder), gr.update(value=command, visible=True)

    def on_use(name: str | None) -> str:
        folder = folder_of(place, name)
        return said("Choose an adapter.", bad=True) if folder is None else saved(f"{base_of(folder)}+{folder}")

    def saved(model: str) -> str:
        try:
            path = save({"model": model})
        except SettingsError as problem:
            return said(str(problem), bad=True)
        return said(f"Saved to {path}: model = {model}. Start Bethink again to use it.")

    quick: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    tab.select(on_open, [chosen], [empty, chosen, card, code, use, plain], **quick)
    chosen.input(on_pick, [chosen], [card, code], **quick)
    if not login:
        use.click(on_use, [chosen], [state], **quick)
        plain.click(lambda: saved(settings.model.split("+", 1)[0]), None, [state], **quick)


def folder_of(place: Path, name: str | None) -> Path | None:
    """The folder of an adapter that is listed; None for anything else the browser may send."""
    return place / name if name and name in {each["name"] for each in list_adapters(place)} else None


def base_of(folder: Path) -> str:
    """The name of the model an adapter was trained on, as ``--model`` takes it."""
    listed = {each["name"]: each["base"] for each in list_adapters(folder.parent)}
    return str(listed.get(folder.name) or BASE)


def report(folder: Path) -> str:
    """An adapter's card as HTML: what it is, its tasks, what the training took, the shape of its updates."""
    try:
        found = adapter_report(folder)
    except AdapterError as problem:
        return said(str(problem), bad=True)
    share = "" if found["percent"] is None else f" ({found['percent']} % of the base)"
    rows = [
        ("kind", str(found["kind"])),
        ("trained on", str(found["base"] or "not known")),
        ("rank", str(found["rank"])),
        ("matrices", f"{found['modules']:,}"),
        ("parameters", f"{found['added_parameters']:,}{share}"),
    ]
    training = found["training"] or {}
    rows += [(name.replace("_", " "), _value(name, value)) for name, value in training.items() if not _nested(value)]
    parts = [table(("", found["adapter"]), rows)]
    if found["tasks"]:
        right = [
            (str(each["task"]), f"{each['value']} % of {each['n']:,}" if "value" in each else "not measured")
            for each in found["tasks"]
        ]
        parts.append(table(("task", "right, held out"), right))
    if found["spectrum"]:
        shape = found["spectrum"]
        words = f"Updates: effective rank {shape['effective_rank']}, the greatest singular value's share "
        words += f"{shape['top1_share']}. The flatter, the more directions are used."
        source = picture(folder)
        drawn = f'<img src="{source}" alt="Singular values of the updates, the greatest = 1">' if source else ""
        parts.append(f"<figure>{drawn}<figcaption>{words}</figcaption></figure>")
    return "".join(parts)


def picture(folder: Path) -> str:
    """The picture of the spectrum that the training drew, as a data address; empty where there is none."""
    path = folder / "spectrum.png"
    if not path.is_file() or path.stat().st_size > MAX_PICTURE:
        return ""
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def _nested(value: Any) -> bool:
    return isinstance(value, dict | list)


def _value(name: str, value: Any) -> str:
    if name.endswith("_j") and isinstance(value, int | float):
        return amount(float(value), "J", "estimated")
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
