"""How the page looks: calm, system fonts (nothing is fetched), readable in light and dark, usable at 360 px."""

from __future__ import annotations

from typing import Any

CSS = """
.gradio-container {max-width: min(1180px, 100vw) !important; margin: 0 auto !important; padding: 0 !important;}
.gradio-container .fillable {padding: 10px 12px !important;}
footer {display: none !important;}
#brand {padding: 0 4px !important;}
#brand > div {display: flex; align-items: baseline; gap: 12px; flex-wrap: wrap;}
#log-out {width: auto; align-self: flex-end; min-width: 90px; margin-top: -48px; position: relative; z-index: 2;}
#brand h1 {font-size: 1.3rem; margin: 0; letter-spacing: -0.01em;}
#brand p {margin: 0; opacity: .75; font-size: .92rem;}
#brand, #banner, #turn-state {margin-bottom: -8px;}
#banner {border-radius: 10px; padding: 0 2px; min-height: 0;}
#turn-state {font-size: .85rem; opacity: .85; padding: 0 4px !important; margin-top: -8px;}
#turn-state [data-state=busy] {color: var(--color-accent);}
#threads .wrap {flex-direction: column; gap: 4px;}
#threads label {width: 100%; border-radius: 8px;}
#threads label span {white-space: nowrap; overflow: hidden; text-overflow: ellipsis; max-width: 190px;}
#chips {gap: 8px; flex-wrap: wrap;}
#chips button {border-radius: 999px; font-weight: 450; font-size: .88rem; flex: 0 1 auto; min-width: 0;}
#chips button {white-space: normal;}
#chat {min-height: 260px;}
#chat table {table-layout: auto; width: 100%; margin: 0;}
#chat th, #chat td {word-break: normal; overflow-wrap: break-word; white-space: normal; padding: 5px 9px;}
#chat td:nth-child(n+2) {white-space: nowrap;}
#memory-table, #recall-table, #forget-table, #merge-table, #import-table {max-width: 100%; overflow-x: auto;}
#tab-memory [data-testid^=cell], #tab-memory th, #tab-memory td {font-family: inherit !important;}
#memory-table *, #recall-table *, #forget-table *, #merge-table *, #import-table *,
#evaluate-table * {
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, sans-serif !important;
}
#merge-table [data-testid^=cell] * {white-space: pre-line !important;}
.gradio-container input[type=checkbox]:not(:checked) {border: 1px solid var(--neutral-400);}
#thought-forget, #forget-go, #forget-yes {color: #b91c1c;}
.dark #thought-forget {color: #fecaca;} /* one rule each: Gradio finds .dark at the start of a rule only */
.dark #forget-go {color: #fecaca;}
.dark #forget-yes {color: #fecaca;}
#memory-export {margin-bottom: 84px;}
#tab-memory .hint {margin: 0; font-size: .85rem; opacity: .8;}
#thought-editor {gap: 10px; padding: 10px; border-radius: 10px; border: 1px solid var(--border-color-primary);}
#thought-editor > .column {gap: 2px;}
#thought-triple {padding: 0 4px !important;}
.past-row {align-items: center; padding: 2px 4px; gap: 10px; flex-wrap: nowrap !important;}
.past {margin: 0; font-size: .88rem; overflow-wrap: anywhere;}
.past time {opacity: .75; font-variant-numeric: tabular-nums;}
#memory-last {
  position: fixed; bottom: 14px; left: 50%; transform: translateX(-50%); z-index: 60; align-items: center;
  width: min(760px, calc(100vw - 24px)); padding: 10px 14px; border-radius: 12px; box-shadow: 0 6px 24px #0005;
  background: var(--neutral-800); color: var(--neutral-50); border: 1px solid var(--neutral-600); flex-wrap: wrap;
}
#memory-said {flex: 1 1 240px; min-width: 0; overflow-wrap: anywhere;}
#memory-said * {color: inherit;}
#chat button[aria-label="Clear"], #chat button[title="Clear"], #chat button[aria-label="Share"] {display: none;}
#memory-on {padding: 4px 8px !important;}
#chat .title[role=button] .arrow button {pointer-events: none; opacity: 1;}
#chat img {border-radius: 8px; max-width: 100%; height: auto;}
#side {min-width: 220px;}
button:focus-visible, input:focus-visible, textarea:focus-visible {
  outline: 2px solid var(--color-accent); outline-offset: 2px;
}
.tool-form, .tool-form > .form {
  display: grid !important; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); gap: 10px;
}
.tool-form > .form {grid-column: 1 / -1; border: 0; background: none; box-shadow: none; overflow: visible;}
.tool-form .block {min-width: 0 !important; border-radius: 8px;}
.tool-buttons {flex-wrap: wrap; gap: 10px;}
.tool-result img, #energy-picture img, #adapters-card img {max-width: 100%; height: auto; border-radius: 8px;}
.tool-result figure, #energy-picture figure, #adapters-card figure {margin: 8px 0;}
.tool-result figcaption, #energy-picture figcaption, #adapters-card figcaption {font-size: .85rem; opacity: .8;}
.figures {display: grid; grid-template-columns: repeat(auto-fill, minmax(min(440px, 100%), 1fr)); gap: 8px 16px;}
.tool-state progress {width: 100%; accent-color: var(--color-accent);}
.samples {gap: 8px; flex-wrap: wrap;}
.samples button {border-radius: 999px; font-weight: 450; font-size: .88rem; flex: 0 1 auto; min-width: 0;}
.samples button {white-space: normal; padding: 4px 12px;}
.dark {--color-accent: #2dd4bf;}
.plain-table {overflow-x: auto; max-width: 100%; margin: 6px 0;}
.plain-table table {border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums;}
.plain-table th, .plain-table td {
  padding: 5px 14px 5px 0 !important; text-align: left; vertical-align: top; border: 0 !important;
  border-bottom: 1px solid var(--border-color-primary) !important;
}
.plain-table tr, .plain-table table {border: 0 !important;}
.plain-table th {font-weight: 600;}
@media (max-width: 720px) {
  #side {order: 2;}
  #main {order: 1;}
  #chat {height: 52vh !important;}
  .gradio-container .fillable {padding: 4px !important;}
  .gradio-container .tabitem {padding: 6px 0 !important;}
  .gradio-container .column {min-width: 0 !important; max-width: 100%;}
  .gradio-container main > *, .tabs, .tabitem, .tabitem > * {
    max-width: calc(100vw - 16px) !important; min-width: 0 !important;
  }
  #chips button {font-size: .82rem;}
  #memory-table .table-container, #recall-table .table-container, #forget-table .table-container {
    overflow-x: auto !important;
  }
  #memory-table .table-wrap, #recall-table .table-wrap, #forget-table .table-wrap {min-width: 720px;}
  #memory-inactive {flex-basis: 100%; min-width: 100% !important;}
  .plain-table table {min-width: 560px;}
  #chat td:nth-child(n+2) {white-space: normal;}
  #chat th, #chat td {padding: 3px 5px; font-size: .72rem;}
}
"""

SET_URL = """(id) => {
  const url = new URL(window.location);
  if (id) { url.searchParams.set('thread', id); } else { url.searchParams.delete('thread'); }
  window.history.replaceState({}, '', url);
}"""


CARDS = """() => {
  const signs = '#chat .title[role=button] .arrow button:not([disabled])';
  const mend = () => document.querySelectorAll(signs).forEach((sign) => {
    sign.disabled = true;
    sign.setAttribute('aria-hidden', 'true');
  });
  mend();
  new MutationObserver(mend).observe(document.body, {subtree: true, childList: true});
}"""
"""The head of a card is a button in which Gradio puts another one without a name; only the outer one is needed."""


def theme() -> Any:
    """Gradio's soft theme with system fonts, and a teal dark enough to read white on it, and it on white."""
    import gradio as gr

    hues = gr.themes.colors.teal
    dark = gr.themes.Color(
        c50=hues.c50, c100=hues.c100, c200=hues.c200, c300=hues.c300, c400=hues.c500, c500=hues.c700, c600=hues.c700,
        c700=hues.c800, c800=hues.c800, c900=hues.c900, c950=hues.c950, name="dark-teal",
    )  # fmt: skip
    return gr.themes.Soft(
        primary_hue=dark,
        secondary_hue="slate",
        neutral_hue="slate",
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"],
    ).set(
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
    )
