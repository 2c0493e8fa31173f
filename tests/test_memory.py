"""The memory of the stages before scoring does not grow with the text of their rows.

Each stage is a process of its own, on few and on ten times as many rows of a kilobyte. What may grow: a record's hash,
place and id, and lengths. The numbers for 100,000 dialogues are in docs/performance.md.
"""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline.core import files
from pipeline.core.paths import SPLITS, Paths
from tests.project import ROOT

FEW, MANY = 1000, 10_000
BYTES_PER_ROW = 1500  # as a list of dictionaries, a record of one kilobyte takes four times as much
# In another process: the peak of a stage is at least that of the process that starts it.
PROBE = """
import sys
from pathlib import Path
from benchmarks.large_data import measure
for command in sys.argv[2:]:
    print(measure(command, Path("."), Path(sys.argv[1]), None).megabytes)
"""
READ_TOKENS = """
from pathlib import Path
from pipeline.train import read_examples
from pipeline.training.batches import length_grouped_batches
examples = read_examples(Path("data/tokens/train.arrow"))
batches = length_grouped_batches(examples.lengths(), 4, 1, 0)
longest = max(len(one["input_ids"]) + len(one["labels"]) for one in examples.outlines())
assert longest > 50 and len([examples[number] for number in batches[0]]) == 4
"""
STAGES = ["pipeline.prepare", "pipeline.template", "pipeline.mix", "pipeline.tokenize", "pipeline.train few_shot-17"]


def folder_of(folder: Path, base: Path, rows: int) -> Path:
    """A folder in which the stages can run on so many calls: a turn of few but long words in each."""
    paths, rng = Paths(folder), random.Random(rows)
    shutil.copytree(base, paths.base_model)
    (folder / "params.yaml").write_text(yaml.safe_dump(yaml.safe_load((ROOT / "params.yaml").read_text())))
    files.write_json(paths.raw_data / "source.json", {"files": "read where they are"})
    for split in SPLITS:
        lines = (
            {"id": f"{split} {number}", "dialogue": f"A: {rng.randrange(10**9)} {'b' * 900}.", "summary": "They talk."}
            for number in range(rows if split == "train" else 10)
        )
        files.write_jsonl(paths.support_calls(split), lines)
    (folder / "read_tokens.py").write_text(READ_TOKENS)
    return folder


@pytest.mark.slow
def test_memory_does_not_grow_with_the_text_of_the_rows(tmp_path, seq2seq_base):
    peaks = {}
    for rows in (FEW, MANY):
        folder = folder_of(tmp_path / str(rows), seq2seq_base, rows)
        command = [sys.executable, "-c", PROBE, str(ROOT), *STAGES, "read_tokens"]
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr + "".join(path.read_text() for path in folder.glob("*.log"))
        peaks[rows] = [float(line) for line in done.stdout.splitlines()]
        card = json.loads((folder / "reports/data.json").read_text())
        assert card["train"]["examples"] == rows
    growth = {
        stage: 1e6 * (many - few) / (MANY - FEW) for stage, few, many in zip([*STAGES, "read"], peaks[FEW], peaks[MANY])
    }
    assert max(growth.values()) < BYTES_PER_ROW, growth
