"""A trained model in a format of other programs, checked on the test set before it counts.

    python -m pipeline.export lora --to hf
    python -m pipeline.export lora-17 --to ctranslate2 --quantization int8
    python -m pipeline.export prompt_tuning --to soft-tokens --output exports/support

Formats: `adapter` (what was trained, to be used with its base), `hf` (a plain model folder), `soft-tokens` (the same
with a soft prompt in the vocabulary) and `ctranslate2`. The folder, by default exports/RUN-FORMAT, has a model card,
settings.json, predictions.jsonl of the test set and parity.json: how many texts are those of `generate`, and the
difference of their scores. An export that may lose more than the margin is refused, and left as FOLDER.rejected.
"""

import argparse
import re
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.cli import prepare_process, run_command
from pipeline.core.errors import InputError
from pipeline.core.params import read_params, read_section
from pipeline.core.paths import Paths
from pipeline.core.shapes import Prompt, record
from pipeline.experiments.path_validation import read_outputs, steps
from pipeline.exporting.card import render_card
from pipeline.exporting.facts import collect, test_scores
from pipeline.exporting.formats import FORMATS, QUANTIZATIONS, REFUSED, Source, write
from pipeline.exporting.opening import open_folder
from pipeline.exporting.parity import Parity, compare_texts, default_margin, outputs_per_second
from pipeline.exporting.usage import ctranslate2_usage, has_examples, usage
from pipeline.inference.predictor import Predictor
from pipeline.inference.settings import SETTINGS, AnswerSettings, current
from pipeline.inference.trained_runs import find_run
from pipeline.models.tuned import directory_size, needs_base
from pipeline.parameters.data import Data
from pipeline.parameters.runs import SeedsOf
from pipeline.parameters.score import Score

EXPORTS, REJECTED = Path("exports"), ".rejected"
EXAMPLES = 8  # that show which tokens a model never expects


def main() -> None:
    arguments, paths = parse_arguments(), Paths()
    if arguments.to in REFUSED:
        raise InputError(f"--to {arguments.to}: {REFUSED[arguments.to]}")
    run = find_run(arguments.run, read_section("seeds_of", SeedsOf))
    output = arguments.output or EXPORTS / default_name(run, arguments.to, arguments.quantization)
    refuse_output(output, paths)
    score = read_section("score", Score)
    margin = default_margin(score, arguments.to) if arguments.margin is None else arguments.margin
    files.refuse_missing(paths.predictions(run))
    rows = files.read_jsonl(paths.prompts("test"), Prompt)[:EXAMPLES]
    original = Original(run, current(paths), paths.base_model, paths.tuned_model(run), rows)
    values = collect(run, paths, original.settings, read_section("data", Data), score.language)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"{output}: {output.parent} is no folder") from None
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}-") as folder:
        written = Path(folder) / "export"
        size = write_export(original, arguments.to, arguments.quantization, values, written)
        parity = check_export(original, values, size, margin, written, paths, score)
        write_card(values, parity, written, output)
        print(parity.as_markdown())
        if not parity.accepted:
            rejected = output.with_name(output.name + REJECTED)
            written.rename(rejected)
            raise InputError(f"{output}: refused, it may lose more than {margin:g} points; it is in {rejected}")
        written.rename(output)
    name, path = re.sub(r"\W", "_", output.name), shlex.quote(f"{output}")
    print(f"{output}: {run} as {arguments.to}. Use it: python -m pipeline.predict {path} FILE")
    option = shlex.quote(f"+score.external.{name}={output}/predictions.jsonl")
    print(f"As a row of the comparison: dvc exp run -S {option}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.export", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", metavar="METHOD_OR_RUN", help="a method (its first seed), or a run such as lora-17")
    parser.add_argument("--to", required=True, choices=FORMATS)
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="default: exports/RUN-FORMAT")
    parser.add_argument("--quantization", choices=QUANTIZATIONS, default="float32", help="of ctranslate2's weights")
    parser.add_argument(
        "--margin",
        type=float,
        metavar="POINTS",
        help="that it may lose; default: score.non_inferiority_margin with ctranslate2, a third of it otherwise",
    )
    arguments = parser.parse_args()
    if arguments.quantization != "float32" and arguments.to != "ctranslate2":
        parser.error("--quantization: only with --to ctranslate2")
    if arguments.margin is not None and not 0 <= arguments.margin <= 100:
        parser.error("--margin: from 0 to 100")
    return arguments


def default_name(run: str, form: str, quantization: str) -> str:
    return f"{run}-{form}" + ("" if quantization == "float32" else f"-{quantization}")


def refuse_output(output: Path, paths: Paths) -> None:
    """Raise InputError for a folder that is there already, or that a stage of the pipeline would delete."""
    for place in (output, output.with_name(output.name + REJECTED)):
        if place.exists() or place.is_symlink():
            raise InputError(f"{place}: exists already; delete it, or name another with --output")
    stages = read_outputs(paths.root.resolve(), read_params())
    for path in steps(paths.root.resolve() / output):
        if held := stages.holding(path):
            raise InputError(f"{output}: in {held}, which the stage {stages.places[held]} deletes before it runs")


@dataclass(frozen=True)
class Original:
    """The run to export: its name, the settings of params.yaml, its folders, some rows of data/prompts."""

    run: str
    settings: AnswerSettings
    base: Path
    tuned: Path
    rows: list[dict[str, Any]]

    def open(self) -> Predictor:
        return Predictor(self.settings, self.base, self.tuned)

    def size(self) -> int:
        """Bytes to load."""
        return directory_size(self.tuned) + (weights_size(self.base) if needs_base(self.tuned) else 0)


def write_export(original: Original, form: str, quantization: str, values: dict[str, Any], written: Path) -> int:
    """Write the weights and settings.json, whose content `values` becomes. Returns the bytes to load."""
    source, predictor = values["base"]["source"], original.open()
    positions, hub = predictor.positions, source if "repo_id" in source else {}
    run = Source(original.run, original.base, original.tuned, predictor, original.rows)
    tokens = write(form, run, written, quantization, hub)
    values |= {"format": form, "weights": ".", "soft_tokens": list(tokens), "quantization": quantization}
    values["positions"] = positions
    size = directory_size(written) + (weights_size(original.base) if form == "adapter" else 0)
    files.write_json(written / SETTINGS, values)
    return size


def check_export(
    original: Original, values: dict[str, Any], size: int, margin: float, written: Path, paths: Paths, score: Score
) -> Parity:
    """Run an export on the test set. Writes predictions.jsonl and parity.json, and its own scores into `values`."""
    task = original.settings.task
    records = files.read_jsonl(paths.records("test"), record(*task.fields))
    opened = open_folder(written, original.base)
    texts = opened.write(records, f"answer with {values['format']}")
    rows = [{"id": one["id"], "prediction": text} for one, text in zip(records, texts)]
    files.write_jsonl(written / "predictions.jsonl", rows)
    compared = compare_texts(paths.predictions(original.run), paths.records("test"), texts, task, score, margin)
    first, second = outputs_per_second([original.open(), opened], records)
    parity = Parity(len(texts), *compared[:4], margin, (original.size(), size), (first, second))
    values["test"] = test_scores(original.run, compared.summary)
    files.write_json(written / SETTINGS, values)
    files.write_json(written / "parity.json", parity.as_json())
    return parity


def weights_size(base: Path) -> int:
    return sum(path.stat().st_size for path in base.glob("*.safetensors"))


def write_card(values: dict[str, Any], parity: Parity, written: Path, output: Path) -> None:
    """The model card, with what the export says beside the original; its lines call the folder `output`."""
    name = output.as_posix()
    if values["format"] == "ctranslate2":
        lines = ctranslate2_usage(values, name, files.read_json(written / "generation_config.json"))
    else:
        base = values["base"]["source"].get("repo_id", values["base"]["folder"])
        lines = usage(values, written, name, base, name)
    title = "## Beside the original\n\n"
    text = render_card(values, lines, title + parity.as_markdown(), has_examples(written))
    (written / "README.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    prepare_process()
    run_command("python -m pipeline.export", main)
