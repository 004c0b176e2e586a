"""MultiLoRA with what stands around PEFT: transformers' own integration, the auto classes, torch.compile, a quantised
base (skipped where torchao is not installed), and two processes.

``torch.compile`` is asked for the graph and its gradients alone: generated C++ takes a minute.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from peft import (
    AutoPeftModelForCausalLM,
    PeftModel,
)
from transformers import AutoModelForCausalLM, TorchAoConfig

from bethink.models.adapters import MultiLoraLayer, export_lora
from tests.models.adapters.tiny import (
    ATTENTION,
    Mlp,
    adapted,
    far,
    features,
    llama,
    logits,
    loss_of,
    trained_names,
    tuning,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:num_modules . r is"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def test_transformers_own_integration(tmp_path):
    model = llama()
    model.add_adapter(tuning(target_modules=ATTENTION), adapter_name="first")
    wanted = logits(model)
    assert far(wanted, logits(llama())) > 1e-2
    model.save_pretrained(tmp_path)
    again = llama()
    again.load_adapter(str(tmp_path), adapter_name="again")
    assert torch.equal(logits(again), wanted)
    again.disable_adapters()
    assert torch.equal(logits(again), logits(llama()))
    again.enable_adapters()
    again.add_adapter(tuning(target_modules=["o_proj"]), adapter_name="second")
    again.set_adapter("again")
    assert torch.equal(logits(again), wanted)
    again.delete_adapter("second")
    assert set(again.peft_config) == {"again"}


def test_an_export_from_transformers_own_integration(tmp_path):
    model = llama()
    model.add_adapter(tuning(target_modules=ATTENTION), adapter_name="first")
    export_lora(model, tmp_path, adapter_name="first")
    again = PeftModel.from_pretrained(llama(), str(tmp_path)).eval()
    assert far(logits(again), logits(model)) < 1e-5


def test_the_auto_classes_find_base_and_adapter(tmp_path):
    llama().save_pretrained(tmp_path / "base")
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    model = adapted(base, target_modules=ATTENTION)
    model.save_pretrained(str(tmp_path / "adapter"))
    for auto in (AutoModelForCausalLM, AutoPeftModelForCausalLM):
        again = auto.from_pretrained(str(tmp_path / "adapter")).eval()
        assert any(isinstance(module, MultiLoraLayer) for module in again.modules())
        assert torch.equal(logits(again), logits(model))


def test_torch_compile_takes_it_in_one_graph():
    model = adapted(Mlp(), target_modules=["lin0", "lin1"]).train()
    torch._dynamo.reset()
    compiled = torch.compile(model.base_model.model, fullgraph=True, backend="aot_eager")
    gradients = []
    for run in (model.base_model.model, compiled):
        model.zero_grad()
        out = run(features())
        out.square().sum().backward()
        gradients.append([out.detach(), *(p.grad.clone() for p in model.parameters() if p.requires_grad)])
    assert len(gradients[0]) == 1 + 2 * 3
    assert all(far(one, other) < 1e-5 for one, other in zip(*gradients, strict=True))


def test_a_quantised_base(tmp_path):
    torchao = pytest.importorskip("torchao.quantization", reason="torchao is not installed")
    llama().save_pretrained(tmp_path / "base")

    def base():
        how = TorchAoConfig(torchao.Int8WeightOnlyConfig())
        return AutoModelForCausalLM.from_pretrained(tmp_path / "base", quantization_config=how).eval()

    plain = logits(base())
    model = adapted(base(), target_modules=ATTENTION).train()
    loss_of(model).backward()
    assert {name for name, p in model.named_parameters() if p.grad is not None} == trained_names(model)
    wanted = logits(model.eval())
    assert far(wanted, plain) > 1
    assert torch.equal(logits(model, adapter_names=["__base__", "default", "__base__"])[0], plain[0])
    model.save_pretrained(str(tmp_path / "adapter"))
    assert torch.equal(logits(PeftModel.from_pretrained(base(), str(tmp_path / "adapter")).eval()), wanted)
    model.merge_adapter()
    assert far(logits(model), wanted) < 0.1 * far(wanted, plain), "8 bits"


WORKER = """
import sys
import torch
import torch.distributed as dist
from peft import get_peft_model
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from bethink.models.adapters import MultiLoraConfig
rank = int(sys.argv[1])
dist.init_process_group("gloo", init_method="file://" + sys.argv[2], rank=rank, world_size=2)
torch.manual_seed(0)
base = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 4))
model = DistributedDataParallel(get_peft_model(base, MultiLoraConfig(r=1, num_modules=2, target_modules=["0", "2"])))
optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
torch.manual_seed(10 + rank)
for step in range(3):
    optimizer.zero_grad()
    model(torch.randn(4, 8)).square().sum().backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
    if step == 0:
        moved = [n for n, p in model.named_parameters() if p.requires_grad and p.grad.any()]
        assert moved and all("multilora_s" in n for n in moved), moved
    optimizer.step()
ours = torch.cat([p.detach().flatten() for p in model.parameters() if p.requires_grad])
both = [torch.zeros_like(ours) for _ in range(2)]
dist.all_gather(both, ours)
assert torch.equal(*both), "both processes have the same adapter"
dist.destroy_process_group()
print("trained")
"""


def test_two_processes_train_without_looking_for_unused_parameters(tmp_path):
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(rank), str(tmp_path / "meet")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        for rank in range(2)
    ]
    try:
        for worker in workers:
            out, errors = worker.communicate(timeout=180)
            assert worker.returncode == 0, errors[-2000:]
            assert out.strip().endswith("trained")
    finally:
        for worker in workers:
            worker.kill()
