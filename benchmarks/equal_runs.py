"""Whether two equal trainings leave equal bytes on this device, and write equal texts.

    python -m benchmarks.equal_runs lora-17 [--precision bf16]

Trains a run of this project twice and writes its test outputs twice, in temporary folders, from the data and the base
that are there (`dvc repro tokenize`). Says which files differ, and by how much the trained weights do.
"""

import argparse
import json
import tempfile
from pathlib import Path

from benchmarks.stages import run_stage
from pipeline.core.params import read_params
from pipeline.core.paths import Paths


def train_and_write(run: str, precision: str, folder: Path) -> None:
    """The stages `train` and `generate` in a folder that shares the inputs of this project."""
    (folder / "models").mkdir(parents=True)
    for name in ("data", "models/base"):
        (folder / name).symlink_to(Path(name).resolve())
    params = read_params()
    params["train"] |= {"precision": precision}
    (folder / "params.yaml").write_text(json.dumps(params))
    for module in ("pipeline.train", "pipeline.generate"):
        run_stage(module, run, folder)


def largest_difference(first: Path, second: Path) -> float:
    """The largest difference of a trained weight."""
    from safetensors.torch import load_file

    one, other = load_file(first), load_file(second)
    return max(float((one[name].float() - other[name].float()).abs().max()) for name in one)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="bf16")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folders = [Path(temporary) / name for name in ("first", "second")]
        for folder in folders:
            train_and_write(options.run, options.precision, folder)
        paths = [Paths(folder) for folder in folders]
        first, second = (each.tuned_model(options.run) for each in paths)
        weights = sorted(path.name for path in first.glob("*.safetensors"))
        for name in weights:
            same = (first / name).read_bytes() == (second / name).read_bytes()
            difference = "equal bytes" if same else f"differ by {largest_difference(first / name, second / name):.2g}"
            print(f"{options.run}, {options.precision}: {name}: {difference}")
        texts = [each.predictions(options.run).read_text().splitlines() for each in paths]
        same_texts = sum(one == other for one, other in zip(*texts))
        print(f"{options.run}, {options.precision}: {same_texts} of {len(texts[0])} predictions the same")


if __name__ == "__main__":
    main()
