"""What a change does to parameters and scores, compared with another commit: one page of Markdown with its plots.

    python -m pipeline pull_request BASE [FOLDER]     (make pr-report BASE=main)

BASE is a branch, a commit or an experiment; it is compared with the workspace. FOLDER gets summary.md and the plots as
PNG. Both sides are read through DVC: from git, from its cache, from a remote where one is configured. --images ADDRESS
is put before the plots' names (a job summary shows no relative files), --report ADDRESS is where the report can be
read; with --report alone, its link says that the plots are there.

A difference is tested on the examples that both sides answered, where the scores of each can be read on both sides:
over the seeds that both have (pipeline/evaluation/crossed.py). With one seed in common, what another seed would change
is added where either side has several; otherwise the difference is said of these two trainings. Where the scores can't
be read it is judged by the two 95 % intervals of reports/comparison.json, as if they came from different examples,
which misses more differences. Another device, thread count or library version is named.
"""

import contextlib
import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pipeline.core.cli import run_stage
from pipeline.core.code_lists import code_list, stage_modules
from pipeline.core.errors import InputError
from pipeline.core.params import PARAMS
from pipeline.core.paths import Paths
from pipeline.core.runs import run_names
from pipeline.evaluation import loss_curves
from pipeline.evaluation.run_diff import RunSnapshot, changed_scores, judge_changes
from pipeline.evaluation.run_environment import environment_changes
from pipeline.experiments.dvc_experiments import RevisionFiles, open_repository
from pipeline.parameters.score import Score
from pipeline.reporting import markdown
from pipeline.reporting.cells import Code
from pipeline.reporting.page import Prose, Strong, counted, prose
from pipeline.reporting.pull_request_page import Diff, Plots, pull_request_page

T = TypeVar("T")
KINDS = ("method", "external")  # of systems; a change does not concern the baselines


def run(
    base: str, folder: Path = Path("pull_request"), *, images: str = "", report: str = "", paths: Paths, score: Score
) -> None:
    from pipeline.reporting.pull_request_plots import save_plots

    with open_repository() as repo:
        logging.getLogger("dvc").setLevel(logging.ERROR)  # what it would run is on the page
        commit = resolve(repo, base)
        parameters, metrics = read_diffs(repo, commit)
        now, before = (read_snapshot(RevisionFiles(repo, revision), paths) for revision in (None, commit))
        notes = [*warn_of_old_results(repo), *warn_of_newer_base(repo, base, commit)]
    notes += warn_of_another_environment(before, now)
    changes = judge_changes(before, now, changed_scores(metrics), score)
    plots = Plots(save_plots(before, now, folder), images, report)
    name = base if commit.startswith(base) else f"{base} ({commit[:7]})"
    page = pull_request_page(name, parameters, metrics, changes, notes, plots)
    text = markdown.render(page, level=2, legends=False)
    (folder / "summary.md").write_text(text, encoding="utf-8")
    print(text)


def resolve(repo: Any, base: str) -> str:
    """The commit of a branch, a commit's name or an experiment. Raises InputError where there is none."""
    from dvc.scm import RevError, resolve_rev

    try:
        return resolve_rev(repo.scm, base)
    except RevError:
        raise InputError(
            f"{base!r} is no branch, commit or experiment here: name one (BASE=main), or fetch it (git fetch origin)"
        ) from None


def read_diffs(repo: Any, commit: str) -> tuple[Diff, Diff]:
    """What `dvc params diff` and `dvc metrics diff` give. Raises InputError where metrics are missing here."""
    metrics = repo.metrics.diff(commit, "workspace")
    missing = metrics.get("errors", {}).get("workspace", {})
    if isinstance(missing, Exception):
        raise InputError(f"dvc.yaml can't be read here: {missing}")
    if missing:
        raise InputError(f"{min(missing)} can't be read here: run `dvc repro` first, or `dvc pull`")
    return repo.params.diff(commit, "workspace").get("diff", {}), metrics.get("diff", {})


def read_snapshot(files: RevisionFiles, paths: Paths) -> RunSnapshot:
    """What can be read of a commit, or of the workspace."""
    comparison: dict[str, Any] = read_or(files.json, paths.comparison, {})
    records = paths.records("test")
    rows: list[dict[str, Any]] = read_or(files.jsonl, records, [])
    systems = {row["name"]: row["scores"] for row in comparison.get("systems", []) if row["kind"] in KINDS}
    examples: dict[str, list[dict[str, Any]]] = {
        name: read_or(files.parquet, paths.example_scores(name), []) for name in systems
    }
    params: dict[str, Any] = read_or(files.yaml, PARAMS, {})
    seeds_of = params.get("seeds_of", {})
    first = {name: run_names(name, seeds_of.get(name, []))[0] for name in systems}
    curve = loss_curves.FILES["validation"]
    curves = {name: read_or(files.text, paths.curves(run) / curve, "") for name, run in first.items()}
    trainings: dict[str, dict[str, Any]] = {
        name: read_or(files.json, paths.training_run(run), {}) for name, run in first.items()
    }
    return RunSnapshot(
        scores=systems,
        by_seed={row["name"]: row.get("by_seed", {}) for row in comparison.get("systems", []) if row["kind"] in KINDS},
        environments={name: record for name, record in trainings.items() if record},
        signature=comparison.get("signature", {}),
        records_hashes={
            stage.partition("@")[2]: records_hash
            for stage, records_hash in files.dependency_hashes(records.as_posix()).items()
            if stage.startswith(("score@", "external@"))
        },
        references={row["id"]: row["references"] for row in rows},
        examples={name: each for name, each in examples.items() if each},
        validation_losses=[point for name, tsv in curves.items() for point in loss_curves.parse_losses(name, tsv)],
    )


def read_or(read: Callable[[str], T], path: Path, default: T) -> T:
    """A file as `read` gives it, or the default where it can't be read."""
    try:
        return read(path.as_posix())
    except FileNotFoundError:
        return default


def warn_of_old_results(repo: Any) -> list[Prose]:
    """A sentence if the results here are older than code, data or parameters; data that is not here counts as right."""
    with contextlib.redirect_stdout(None):
        stages = [stage.addressing for stage in repo.reproduce(dry=True, allow_missing=True, on_error="ignore")]
    if "code" in stages:  # DVC sees the lists that it will write only when it has written them
        stages.remove("code")
        stages += [name for name in stages_of_changed_code(repo) if name not in stages]
    if not stages:
        return []
    old = Strong("These results are older than this change")
    return [prose(old, ": ", Code("dvc repro"), f" would run {', '.join(stages)} and what follows.")]


def stages_of_changed_code(repo: Any) -> list[str]:
    """The stages whose list of code (data/code) is another now than the one that their results were made with."""
    files, places = RevisionFiles(repo, None), Paths()
    return [
        stage
        for name, module in stage_modules().items()
        for stage, used in files.dependency_hashes(places.code(name).as_posix()).items()
        if used != hashlib.md5(code_list(module).encode()).hexdigest()
    ]


def warn_of_another_environment(before: RunSnapshot, now: RunSnapshot) -> list[Prose]:
    """A sentence if a method was trained on another device, with other threads or with other versions."""
    changes = environment_changes(before.environments, now.environments)
    if not changes:
        return []
    listed = "; ".join(f"{change} ({', '.join(systems)})" for change, systems in changes.items())
    return [
        prose(Strong("Trained elsewhere"), f": {listed}. This alone can move a score as much as another seed does.")
    ]


def warn_of_newer_base(repo: Any, base: str, commit: str) -> list[Prose]:
    """A sentence if BASE has commits that are not in this change, because they look undone by it."""
    work = [".", ":(exclude)dvc.lock", ":(exclude)reports"]
    count = int(repo.scm.gitpython.git.rev_list("--count", f"HEAD..{commit}", "--", *work))
    if not count:
        return []
    ahead = f"{base} is ahead of this change by {counted(count, 'commit')}, which look undone by it"
    return [prose(f"{ahead}: merge {base} first.")]


if __name__ == "__main__":
    run_stage(run)
