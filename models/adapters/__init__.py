"""MultiLoRA as a method of PEFT, its exact export to plain LoRA, and what its updates look like.

MultiLoRA here is Wang, Lin, Zeng and Zhang, "MultiLoRA: Democratizing LoRA for Better Multi-Task Learning"
(arXiv 2311.11501), not the serving of many adapters side by side that goes by the same name. Importing this package
makes the method known to PEFT, also to ``PeftModel.from_pretrained``; a program that does not import it cannot load a
MultiLoRA adapter (PEFT raises ``KeyError`` with the name MULTILORA), but can load what :func:`export_lora` writes.
"""

from bethink.models.adapters.config import MultiLoraConfig
from bethink.models.adapters.export import Exported, ExportError, export_lora
from bethink.models.adapters.layer import MultiLoraLayer, MultiLoraLinear
from bethink.models.adapters.model import MultiLoraModel
from bethink.models.adapters.optimizer import parameter_groups
from bethink.models.adapters.registration import register
from bethink.models.adapters.spectrum import Spectrum, plot_spectra, subspace_similarity, update_spectrum

__all__ = [
    "ExportError",
    "Exported",
    "MultiLoraConfig",
    "MultiLoraLayer",
    "MultiLoraLinear",
    "MultiLoraModel",
    "Spectrum",
    "export_lora",
    "parameter_groups",
    "plot_spectra",
    "subspace_similarity",
    "update_spectrum",
]

register(MultiLoraConfig, MultiLoraModel)
