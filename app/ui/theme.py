"""How the page looks: calm, system fonts (nothing is fetched), readable in light and dark, usable at 360 px."""

from __future__ import annotations

from typing import Any

CSS = """
.gradio-container {max-width: 1180px !important; margin: 0 auto !important; padding: 12px !important;}
footer {display: none !important;}
#brand {margin: 0 0 4px 0;}
#brand h1 {font-size: 1.35rem; margin: 0; letter-spacing: -0.01em;}
#brand p {margin: 0; opacity: .75; font-size: .92rem;}
#banner {border-radius: 10px; padding: 0 2px; min-height: 0;}
#turn-state {font-size: .85rem; opacity: .8; min-height: 1.3em; padding: 0 4px;}
#threads .wrap {flex-direction: column; gap: 4px;}
#threads label {width: 100%; border-radius: 8px;}
#threads label span {white-space: nowrap; overflow: hidden; text-overflow: ellipsis; max-width: 190px;}
#chips {gap: 8px; flex-wrap: wrap;}
#chips button {border-radius: 999px; font-weight: 450; font-size: .88rem; flex: 0 1 auto; min-width: 0; white-space: normal;}
#chat img {border-radius: 8px; max-width: 100%; height: auto;}
#side {min-width: 220px;}
button:focus-visible, input:focus-visible, textarea:focus-visible {outline: 2px solid var(--color-accent); outline-offset: 2px;}
@media (max-width: 720px) {
  #side {order: 2;}
  #main {order: 1;}
  #chat {height: 58vh !important;}
  .gradio-container {padding: 6px !important;}
}
"""

SET_URL = """(id) => {
  const url = new URL(window.location);
  if (id) { url.searchParams.set('thread', id); } else { url.searchParams.delete('thread'); }
  window.history.replaceState({}, '', url);
}"""


def theme() -> Any:
    """Gradio's soft theme with system fonts."""
    import gradio as gr

    return gr.themes.Soft(
        primary_hue="teal",
        secondary_hue="slate",
        neutral_hue="slate",
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"],
    )
