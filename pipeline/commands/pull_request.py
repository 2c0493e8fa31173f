"""What a change does to parameters and scores, held against another commit, as one page of Markdown with its plots.

    python -m pipeline.pull_request BASE [FOLDER]     (make pr-report BASE=main)

BASE is a branch, a commit or an experiment; it is compared with the workspace. FOLDER gets pull_request_report.md and the plots as
PNG. Both sides are read through DVC: from git, from its cache, from a remote where one is configured. --images ADDRESS
is what the plots' names are put behind (a job summary shows no relative files), --report ADDRESS where the report is to
be had; with --report alone, the plots are said to be there.

A difference is tested on the dialogues that both sides summarized, where the scores of each can be read on both sides:
bootstrap interval and approximate randomization (pipeline/resample.py). Else it is judged by the two 95 % intervals of
reports/comparison.json, as if they came from different dialogues: a real difference is then missed more easily.
"""

import contextlib
import csv
import io
import json
import logging
from pathlib import Path

from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.evaluation.run_diff import COMPARISON, Side, judged, scored
from pipeline.reporting import pull_request_report
from pipeline.score import Score

RECORDS = "data/records/test.jsonl"


def run(base: str, folder: Path = Path("pull_request"), *, images: str = "", report: str = "", score: Score):
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.ERROR)  # what it would run is told here
    try:
        with Repo() as repo:
            commit = resolve(repo, base)
            parameters, metrics = differences(repo, commit)
            now, before = side(repo, "workspace"), side(repo, commit)
            notes = [*unrun(repo), *behind(repo, base, commit)]
    except DvcException as error:
        raise InputError(f"DVC: {error}") from error
    rows = judged(before, now, scored(metrics), score)
    plots = {
        "rouge1.png": pull_request_report.rouge1(before, now),
        "validation-loss.png": pull_request_report.losses(before, now),
    }
    drawn = pull_request_report.draw({name: spec for name, spec in plots.items() if spec}, folder)
    text = pull_request_report.page(
        base if commit.startswith(base) else f"{base} ({commit[:7]})", parameters, metrics, rows, notes
    )
    text += "\n" + pull_request_report.links(drawn, images, report)
    (folder / "summary.md").write_text(text, encoding="utf-8")
    print(text)


def resolve(repo, base: str) -> str:
    """The commit that a branch, a commit's name or an experiment stands for."""
    from dvc.scm import RevError, resolve_rev

    try:
        return resolve_rev(repo.scm, base)
    except RevError:
        raise InputError(
            f"{base!r} is no branch, commit or experiment here: name one (BASE=main), or fetch it (git fetch origin)"
        ) from None


def differences(repo, commit: str) -> tuple[dict, dict]:
    """What DVC's own params diff and metrics diff give: file -> key -> old and new; Refused if metrics lack here."""
    found = repo.metrics.diff(commit, "workspace")
    missing = found.get("errors", {}).get("workspace", {})
    if isinstance(missing, Exception):
        raise InputError(f"dvc.yaml can't be read here: {missing}")
    if missing:
        raise InputError(f"{min(missing)} can't be read here: run `dvc repro` first, or `dvc pull`")
    return repo.params.diff(commit, "workspace").get("diff", {}), found.get("diff", {})


def side(repo, revision: str) -> Side:
    """What can be read of a commit, or of the "workspace"."""
    with contextlib.nullcontext() if revision == "workspace" else repo.switch(revision):
        comparison = json.loads(content(repo, COMPARISON) or "{}")
        systems = {row["name"]: row["scores"] for row in comparison.get("systems", []) if row["kind"] != "yardstick"}
        lines = (content(repo, RECORDS) or b"").splitlines()
        points = {name: content(repo, f"reports/curves/{name}/plots/metrics/validation/loss.tsv") for name in systems}
        tables = {name: content(repo, f"reports/dialogues/{name}.parquet") for name in systems}
        return Side(
            scores=systems,
            signature=comparison.get("signature", {}),
            tested={
                found.name.partition("@")[2]: dep.hash_info.value
                for found in repo.index.stages
                for dep in found.deps
                if found.name.startswith(("score@", "external@")) and dep.def_path == RECORDS and dep.hash_info
            },
            references={row["id"]: row["references"] for row in map(json.loads, lines)},
            each={name: parquet(text) for name, text in tables.items() if text},
            losses=[
                {"method": name, "step": int(point["step"]), "loss": float(point["loss"])}
                for name, text in points.items()
                if text
                for point in csv.DictReader(io.StringIO(text.decode()), delimiter="\t")
            ],
        )


def content(repo, path: str) -> bytes | None:
    """A file of the revision that repo stands at, from git, cache or remote; None if it can't be had."""
    try:
        with repo.dvcfs.open(path, "rb") as file:
            return file.read()
    except Exception:  # a remote raises what it likes: gone, out of reach, no credentials
        return None


def parquet(found: bytes) -> list[dict]:
    import pyarrow.parquet

    return pyarrow.parquet.read_table(io.BytesIO(found)).to_pylist()


def unrun(repo) -> list[str]:
    """A sentence if the results here are older than code, data or parameters; data that is not here counts as right."""
    with contextlib.redirect_stdout(None):
        left = [found.addressing for found in repo.reproduce(dry=True, allow_missing=True, on_error="ignore")]
    if not left:
        return []
    return [f"**These are not yet this change's results**: `dvc repro` would run {', '.join(left)} and what follows."]


def behind(repo, base: str, commit: str) -> list[str]:
    """A sentence if BASE holds work that is not in this change, which then looks undone by it."""
    work = [".", ":(exclude)dvc.lock", ":(exclude)reports"]
    count = int(repo.scm.gitpython.git.rev_list("--count", f"HEAD..{commit}", "--", *work))
    if not count:
        return []
    ahead = pull_request_report.number(count, "commit")
    return [f"{base} is ahead of this change by {ahead}, which look undone by it: merge {base} first."]


if __name__ == "__main__":
    run_stage(run)
