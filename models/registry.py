"""From a string to a chat model: ``bethink``, a folder, a GGUF file, ``hf:ORG/NAME``, ``openai:BASE_URL#MODEL`` ..."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from langchain_core.language_models import BaseChatModel

from bethink.models.adapted import ADAPTED
from bethink.models.embedder import MissingModelError

BASE = "smollm2"
"""The packaged model as its makers trained it."""
FORMS = (
    "bethink (packaged, with our adapter), smollm2 (the same without it), a folder with config.json, a .gguf file, "
    "hf:ORG/NAME, any of these with +FOLDER of an adapter, or openai:BASE_URL#MODEL (such as openai:http://127.0.0.1:8000/v1#qwen2.5)"
)
USUAL: Mapping[str, Mapping[str, Any]] = {
    BASE: {"repetition_penalty": 1.1, "only_said": True},
    ADAPTED: {"brief_results": True, "only_said": True},
}
"""Options of the packaged models."""
Progress = Callable[[float, str], None]


class UnknownModelError(ValueError):
    """The model string names nothing; the message lists the forms it can take."""


def load_chat_model(spec: str = ADAPTED, *, progress: Progress | None = None, **options: Any) -> BaseChatModel:
    """A chat model for a string. Local weights are loaded at the first use, not here.

    Args:
        spec: see :data:`FORMS`.
        progress: told (share done, message) while a packaged or GGUF model is converted for the first time.
        options: fields of :class:`bethink.models.chat.ChatLocal`, or of ``ChatOpenAI`` for ``openai:``.

    Raises:
        UnknownModelError: the string has none of the known forms, or names a file that cannot be a model.
        MissingModelError: the file, folder or package is not there.
    """
    if spec.strip().startswith("openai:"):
        return _openai(spec.strip(), options)
    name, folder = local_folder(spec, progress=progress)
    return _local(name, folder, {**USUAL.get(name, {}), **options})


def local_folder(spec: str, *, progress: Progress | None = None) -> tuple[str, Callable[[], Path]]:
    """The name of a model on this machine, and a function that gives its folder, converted or downloaded if need be.

    Raises:
        UnknownModelError, MissingModelError: as :func:`load_chat_model`; a served model has no folder.
    """
    spec = spec.strip()
    if not spec:
        raise UnknownModelError(f"The model string is empty. Known forms: {FORMS}.")
    report = progress or (lambda done, message: None)
    if spec == ADAPTED:
        from bethink.models.adapted import PACKAGED, adapted_folder

        base = local_folder(BASE, progress=report)[1]
        return spec, lambda: adapted_folder(base(), PACKAGED, progress=report)
    if spec == BASE:
        from bethink.models.convert import packaged_gguf, smollm2_folder

        packaged_gguf()
        return spec, lambda: smollm2_folder(progress=report)
    if spec.startswith("openai:"):
        raise UnknownModelError(f"{spec} is served elsewhere; its weights are not on this machine. Name a folder.")
    if spec.startswith("hf:"):
        name = spec.removeprefix("hf:")
        if name.count("/") != 1 or not all(name.split("/")):
            raise UnknownModelError(f"{spec!r} is not of the form hf:ORG/NAME. Known forms: {FORMS}.")
        return spec, lambda: _hub_folder(name)
    path = Path(spec).expanduser()
    under, plus, adapter = spec.rpartition("+")
    if plus and not path.exists():
        return _with_adapter(spec, under, Path(adapter).expanduser(), report)
    if path.suffix == ".gguf":
        if not path.is_file():
            raise MissingModelError(f"There is no file {path}. Give the path of a .gguf file that exists.")
        from bethink.models.convert import gguf_folder

        return path.name, lambda: gguf_folder(path, progress=report)
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise UnknownModelError(f"{path} has no config.json, so it is not a transformers model folder.")
        return path.name, lambda: path
    if os.sep in spec or spec.startswith((".", "~")):
        raise MissingModelError(f"There is nothing at {path}. Known forms: {FORMS}.")
    raise UnknownModelError(f"Unknown model {spec!r}. Known forms: {FORMS}.")


def _with_adapter(spec: str, under: str, adapter: Path, report: Progress) -> tuple[str, Callable[[], Path]]:
    from bethink.models.adapted import adapted_folder

    if not adapter.name or not adapter.is_dir():
        raise MissingModelError(
            f"There is no adapter's folder {adapter}. `bethink adapter list` shows those there are."
        )
    base = local_folder(under, progress=report)[1]
    return spec, lambda: adapted_folder(base(), adapter, progress=report)


def _local(name: str, folder: Callable[[], Path], options: dict[str, Any]) -> BaseChatModel:
    from bethink.models.chat import ChatLocal

    device = options.pop("device", "auto")
    precision = options.pop("precision", "auto")
    keep_prefix = bool(options.pop("keep_prefix", True))

    def open_engine() -> Any:
        engine = load()
        engine.keep_prefix = keep_prefix
        return engine

    def load() -> Any:
        from bethink.models.convert import discard, is_converted, verify
        from bethink.models.engine import DamagedModelError, load_engine

        place = folder()
        try:
            return load_engine(place, device=device, precision=precision)
        except DamagedModelError:
            # the check at every start is quick; now that something is wrong, look at every byte and make it again
            if not is_converted(place) or verify(place):
                raise
            discard(place)
            return load_engine(folder(), device=device, precision=precision)

    return ChatLocal(model_name=name, open_engine=open_engine, **options)


def _hub_folder(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        # safetensors only: a pickle runs code when it is loaded
        return Path(snapshot_download(name, allow_patterns=["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as problem:
        raise MissingModelError(
            f"{name} could not be had from the hub ({type(problem).__name__}). "
            "Check the name and the network, or give the path of a folder that holds the model."
        ) from problem


def _openai(spec: str, options: dict[str, Any]) -> BaseChatModel:
    url, _, model = spec.removeprefix("openai:").partition("#")
    parsed = urlparse(url)
    if parsed.scheme not in ("http", "https") or not parsed.netloc or not model:
        raise UnknownModelError(f"{spec!r} is not of the form openai:BASE_URL#MODEL. Known forms: {FORMS}.")
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    key = os.environ.get("OPENAI_API_KEY") or "not-needed"
    settings: dict[str, Any] = {
        "temperature": 0.0,
        "stream_usage": True,
        "timeout": 120,
        "max_retries": 1,
        **options,
    }
    return ChatOpenAI(model=model, base_url=url, api_key=SecretStr(key), **settings)


def warm_up(model: BaseChatModel) -> None:
    """Load a local model's weights now, so that the first question does not wait; a remote model needs nothing."""
    from bethink.models.chat import ChatLocal

    if isinstance(model, ChatLocal):
        _ = model.grammar_tokenizer
