"""Training of an adapter on examples: transformers' Trainer, with our batches, loss and rates."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import SequentialSampler
from transformers import Trainer, TrainerCallback, TrainingArguments, get_linear_schedule_with_warmup, set_seed
from transformers.trainer_utils import get_last_checkpoint

from bethink.models.energy import Span
from bethink.models.training import processes
from bethink.models.training.batches import batch_loss, check_model, packing
from bethink.models.training.examples import Encoded, by_task
from bethink.models.training.mixing import schedule
from bethink.models.training.settings import TrainingSettings

Progress = Callable[[int, int, float], None]
"""Told (steps done, steps in all, the last loss)."""


@dataclass(frozen=True)
class Trained:
    """What a training did: steps done of those wanted, the last losses (nats), and what it cost."""

    steps: int
    wanted: int
    loss: float
    tokens: int
    wall_s: float
    cpu_s: float
    energy_j: float

    @property
    def finished(self) -> bool:
        """False where it was stopped; the same call goes on."""
        return self.steps >= self.wanted


def half_precision(settings: TrainingSettings) -> bool:
    """Whether the frozen base and the products are in bfloat16: wished, or the machine computes in it."""
    if settings.precision != "auto":
        return settings.precision == "bfloat16"
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def adapted(base: Any, settings: TrainingSettings) -> Any:
    """The base with a new adapter by the settings' method, its base weights frozen; or the base itself for ``full``.

    ``rslora``, ``dora`` and ``lora`` are PEFT's own, of rank r; MultiLoRA has ``num_modules`` modules of rank r.
    """
    set_seed(settings.seed)
    if settings.method == "full":
        return base.float().requires_grad_(True)
    from peft import LoraConfig, get_peft_model

    common: dict[str, Any] = {
        "r": settings.r,
        "lora_alpha": settings.lora_alpha,
        "target_modules": settings.target_modules,
        "task_type": "CAUSAL_LM",
    }
    if settings.method == "multilora":
        from bethink.models.adapters import MultiLoraConfig

        config: Any = MultiLoraConfig(
            **common,
            num_modules=settings.num_modules,
            scaling=settings.scaling,
            init_weights=settings.init_weights,
            multilora_dropout=settings.dropout,
        )
    else:
        config = LoraConfig(
            **common,
            lora_dropout=settings.dropout,
            use_rslora=settings.method == "rslora",
            use_dora=settings.method == "dora",
        )
    return get_peft_model(base, config)


def optimizer(model: Any, settings: TrainingSettings) -> torch.optim.Optimizer:
    """AdamW without weight decay, MultiLoRA's scalings at their own rate."""
    if settings.method == "multilora":
        from bethink.models.adapters import parameter_groups

        groups = parameter_groups(model, settings.lr, settings.scaling_lr_ratio)
    else:
        groups = [{"params": [p for p in model.parameters() if p.requires_grad], "lr": settings.lr}]
    return torch.optim.AdamW(groups, weight_decay=0.0, betas=(0.9, 0.999))


class AdapterTrainer(Trainer):
    """transformers' Trainer over a fixed list of examples, with the loss on answers only."""

    model_accepts_loss_kwargs = False
    length_exponent = 0.0

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *_: Any, **__: Any) -> Any:
        """See :func:`bethink.models.training.batches.batch_loss`."""
        return batch_loss(model, inputs, self.length_exponent)

    def _get_train_sampler(self, *_: Any) -> Any:
        return SequentialSampler(self.train_dataset)


class _Watch(TrainerCallback):
    """Tells progress and stops when asked; what was learnt is kept."""

    def __init__(self, progress: Progress, stop: Callable[[], bool]) -> None:
        self.progress, self.stop, self.loss = progress, stop, math.nan

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        self.loss = (logs or {}).get("loss", self.loss)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.progress(state.global_step, state.max_steps, self.loss)
        if processes.anybody(self.stop()) and state.global_step < state.max_steps:
            control.should_training_stop = control.should_save = True


class _Costs(TrainerCallback):
    """What the training has cost in all, over all processes; each checkpoint tells it, so that a kill loses little.

    Within ``with``, time and energy are measured from one checkpoint to the next.
    """

    def __init__(self, folder: Path, begun: dict[str, float]) -> None:
        self.folder, self.total = folder, dict(begun)

    def __enter__(self) -> _Costs:
        self._leg = Span("train").__enter__()
        return self

    def __exit__(self, *problem: Any) -> None:
        self._leg.__exit__(None, None, None)

    def settle(self) -> dict[str, float]:
        """The costs until now."""
        self.__exit__()
        cpu_s, energy_j = processes.summed([self._leg.cpu_s, self._leg.energy_j])
        for name, more in {"wall_s": self._leg.wall_s, "cpu_s": cpu_s, "energy_j": energy_j}.items():
            self.total[name] += more
        self.__enter__()
        return dict(self.total)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        cost, kept = self.settle(), self.folder / f"checkpoint-{state.global_step}"
        if processes.rank() == 0 and kept.is_dir():
            (kept / "cost.json").write_text(json.dumps(cost), encoding="utf-8")


def train(
    model: Any,
    examples: Sequence[Encoded],
    settings: TrainingSettings,
    folder: str | Path,
    *,
    progress: Progress = lambda done, steps, loss: None,
    stop: Callable[[], bool] = lambda: False,
    keep_checkpoints: bool = True,
) -> Trained:
    """Train what :func:`adapted` made; a training that was stopped or killed goes on from its last checkpoint.

    Checkpoints (adapter, optimizer, random states) are written to ``folder`` every ``save_every`` steps and when
    stopped. Started by ``torchrun`` or ``accelerate launch``, each of the processes takes its share of every batch, and
    they end at the weights of one process (but for the order of sums).

    Args:
        model: from :func:`adapted`.
        examples: all tasks' examples; they are mixed by temperature.
        settings: the settings.
        folder: for checkpoints.
        progress: see :data:`Progress`.
        stop: asked after each step.
        keep_checkpoints: False writes none (the training cannot go on).

    Raises:
        ValueError: a model with a recurrent state, or a batch that cannot be shared out evenly.
    """
    check_model(model)
    folder = Path(folder)
    batch = settings.batch_size * settings.accumulation
    order = schedule(by_task(examples), settings.steps, batch, settings.temperature, settings.seed)
    set_seed(settings.seed)
    half = half_precision(settings)
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=settings.steps,
        per_device_train_batch_size=processes.share_of(settings.batch_size),
        gradient_accumulation_steps=settings.accumulation,
        max_grad_norm=settings.max_grad_norm,
        bf16=half,
        use_cpu=not torch.cuda.is_available(),
        gradient_checkpointing=settings.gradient_checkpointing,
        save_strategy="steps" if keep_checkpoints else "no",
        save_steps=settings.save_every,
        save_total_limit=1,
        logging_steps=max(1, min(10, settings.steps // 10)),
        logging_strategy="steps",
        report_to="none",
        disable_tqdm=True,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        seed=settings.seed,
        ddp_find_unused_parameters=False,
        ddp_broadcast_buffers=False,  # processes differ in how many packs, so how many passes, their examples make
    )
    adam = optimizer(model, settings)
    rates = get_linear_schedule_with_warmup(adam, math.ceil(settings.warmup * settings.steps), settings.steps)
    watch = _Watch(progress, stop)
    last = get_last_checkpoint(str(folder)) if keep_checkpoints and folder.is_dir() else None
    with packing(model) as collate, _Costs(folder, _before(last)) as costs:
        trainer = AdapterTrainer(
            model=model,
            args=arguments,
            train_dataset=[example for rows in order for example in rows],
            data_collator=collate,
            optimizers=(adam, rates),
            callbacks=[watch, costs],
        )
        trainer.length_exponent = settings.length_exponent
        trainer.remove_callback(_printer())
        trainer.train(resume_from_checkpoint=last)
        cost = costs.settle()
    steps = trainer.state.global_step
    done = [example for rows in order[: steps * settings.accumulation] for example in rows]
    losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    tokens = sum(len(example.ids) for example in done)
    return Trained(steps, settings.steps, losses[-1] if losses else math.nan, tokens, **cost)


def _before(checkpoint: str | None) -> dict[str, float]:
    """What the training had cost up to the checkpoint."""
    file = Path(checkpoint) / "cost.json" if checkpoint else None
    if file is None or not file.is_file():
        return {"wall_s": 0.0, "cpu_s": 0.0, "energy_j": 0.0}
    return {name: float(value) for name, value in json.loads(file.read_text(encoding="utf-8")).items()}


def _printer() -> type[TrainerCallback]:
    from transformers import PrinterCallback

    return PrinterCallback
