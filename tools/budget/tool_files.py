"""Files of a plan: who gets what now, the rules for every state and step, and the policy to run a campaign with."""

from __future__ import annotations

import csv
import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bethink.tools.budget.chord import Mixture
from bethink.tools.budget.cmdp import TabularPolicy
from bethink.tools.budget.mixed_policy import MixedPolicy
from bethink.tools.budget.tool_campaign import Segments
from bethink.tools.contract import OutputFile, ToolContext
from bethink.tools.tables import counted

if TYPE_CHECKING:
    from bethink.tools.budget.tool_setting import Setting


def write_files(
    setting: Setting, segments: Segments, plan: Mixture, salt: str, context: ToolContext
) -> tuple[str, list[OutputFile]]:
    """The policy's id, and the files: CSV of users, CSV of rules, safetensors of the policy, JSON of the states."""
    context.folder.mkdir(parents=True, exist_ok=True)
    policy = MixedPolicy.from_mixture(plan, setting.campaign.dataset.amounts, salt)
    tag = uuid.uuid4().hex[:8]

    def path(kind: str, ending: str) -> Path:
        return context.folder / f"budget_{kind}_{tag}.{ending}"

    cells = path("states", "json")
    cells.write_text(json.dumps(setting.learned.cells.to_json(), ensure_ascii=False), encoding="utf-8")
    files = [
        _assignments(setting, segments, policy, path("assignments", "csv")),
        _rules(setting, policy, path("rules", "csv")),
        OutputFile(path=str(policy.save(path("policy", "safetensors"))), title="The policy (safetensors)"),
        OutputFile(path=str(cells), title="How users become states of the policy (JSON)"),
    ]
    return policy.policy_id, files


def safe_cell(text: object) -> str:
    """A text for a CSV file that no spreadsheet takes for a formula.

    Example:
        >>> safe_cell("=1+1"), safe_cell("Ana")
        ("'=1+1", 'Ana')
    """
    plain = str(text)
    return f"'{plain}" if plain[:1] in ("=", "+", "-", "@", "\t", "\r") and not _is_number(plain) else plain


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _assignments(setting: Setting, segments: Segments, policy: MixedPolicy, path: Path) -> OutputFile:
    """One line a user: the policy drawn for the campaign, and the amount of the first step."""
    dataset, first = setting.campaign.dataset, setting.campaign.first
    ids = _ids(dataset.user_ids)
    drawn = policy.component(ids)
    actions = policy.act(setting.learned.log.states[first], 0, ids)
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow([dataset.columns.user or "row", "segment", "policy", "amount"])
        for user, group, component, action in zip(
            dataset.user_ids.tolist(), segments.of_user.tolist(), drawn.tolist(), actions.tolist(), strict=True
        ):
            out.writerow(
                [safe_cell(user), safe_cell(segments.labels[group]), component + 1, safe_cell(dataset.labels[action])]
            )
    when = "" if dataset.horizon == 1 else ", first step"
    return OutputFile(path=str(path), title=f"Who gets what ({counted(len(actions), 'user')}{when}, CSV)")


def _ids(user_ids: np.ndarray) -> np.ndarray | list[str]:
    """Whole numbers or texts, as a draw takes them."""
    return user_ids if np.issubdtype(user_ids.dtype, np.integer) else [str(each) for each in user_ids.tolist()]


def _rules(setting: Setting, policy: MixedPolicy, path: Path) -> OutputFile:
    """One line for each step and state: what each of the policies does."""
    dataset, labels = setting.campaign.dataset, setting.learned.cells.labels
    heads = [f"policy {n + 1} ({weight:.1%} of the users)" for n, weight in enumerate(policy.weights)]
    tables = [part.actions for part, _ in policy.components if isinstance(part, TabularPolicy)]
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["step", "state", *heads])
        for step in range(dataset.horizon):
            for state, label in enumerate(labels):
                given = [safe_cell(dataset.labels[table[step, state]]) for table in tables]
                out.writerow([step + 1, safe_cell(label), *given])
    return OutputFile(path=str(path), title="The rules: what each state gets in each step (CSV)")
