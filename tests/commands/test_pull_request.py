"""The page of a pull request, on two commits of a copy of the project."""

import json
import re
import shutil
import struct

import pytest
import yaml

from tests.project import ROOT, Project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finished(small, tmp_path_factory) -> Project:
    """LoRA alone, on the branch `base`; then a commit with a higher rank and a system that is external."""
    project = Project.fresh(tmp_path_factory.mktemp("base"), methods=["lora"], cache=small)
    project.edit("conf/experiment/smoke.yaml", "test: 4, questions", "test: 24, questions")
    project.edit("conf/experiment/smoke.yaml", "validation: 4, test: 4}", "validation: 4, test: 24}")
    project.compose()
    project.dvc("repro")
    project.commit("base")
    project.must("git", "branch", "base")
    shutil.copy(project.folder / "reports/predictions/lora/lora-17.jsonl", project.folder / "published.jsonl")
    project.edit("conf/config.yaml", "  r: 6\n", "  r: 16\n")
    project.edit("conf/experiment/smoke.yaml", "max_new_tokens: 12", "max_new_tokens: 24")
    project.edit("conf/config.yaml", "  external: {} ", "  external: {published: published.jsonl} ")
    project.compose()
    project.dvc("repro")
    project.commit("a higher rank")
    return project


@pytest.fixture
def project(finished, tmp_path) -> Project:
    return finished.copy(tmp_path / "project")


def page(project: Project, base: str, *options: str) -> str:
    return project.must("python", "-m", "pipeline", "pull_request", base, *options)


def cells(text: str, first: str, second: str = "") -> list[str]:
    """The row of a table of the page, by its first cells."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return next(row for row in rows if row[0] == first and second in ("", row[1]))


def test_a_change_is_tested_on_the_examples_of_both_commits(project):
    text = page(project, "base")
    assert text == (project.folder / "pull_request/summary.md").read_text() + "\n"
    title, _, headline = text.splitlines()[:3]
    assert title == "## What this change does"
    assert headline.startswith("**Significant for these two trainings: lora ROUGE-1 +") and headline.endswith(
        "published is new."
    )
    assert cells(text, "`generate.max_new_tokens`")[1:] == ["12", "24"]
    assert "lora: paired over 24 examples" in text
    before = project.must("git", "show", "base:reports/metrics/lora.json")
    old, new = json.loads(before)["rouge1"], project.json("reports/metrics/lora.json")["rouge1"]
    assert cells(text, "lora", "ROUGE-1")[2:5] == [f"{old:.2f}", f"{new:.2f}", f"{new - old:+.2f}"]
    assert re.search(r"published is new: ROUGE-1 [\d.]+, ROUGE-2 ", text)
    assert "would run" not in text and "merge" not in text


def test_a_fresh_clone_without_the_cache_judges_by_the_intervals_in_git(project, tmp_path):
    project.must("git", "clone", "--quiet", str(project.folder), str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    text = page(clone, "origin/base")
    assert "lora: unpaired, from the 95 % intervals in reports/comparison.json, which is less sensitive" in text
    assert "paired over" not in text
    assert "would run" not in text  # what is committed is complete, though none of its data is here
    one, other = (
        next(row["scores"]["rouge1"] for row in json.loads(found)["systems"] if row["name"] == "lora")
        for found in (
            clone.must("git", "show", "HEAD:reports/comparison.json"),
            clone.must("git", "show", "origin/base:reports/comparison.json"),
        )
    )
    apart = one["low"] > other["high"] or other["low"] > one["high"]
    assert not apart or cells(text, "lora", "ROUGE-1")[-1].startswith("significant")
    assert "rouge1.png" in text and "validation-loss.png" not in text


def test_a_commit_against_itself_changed_nothing(project):
    text = page(project, "HEAD")
    assert text.splitlines()[2] == "**No score changed.**"
    assert "no parameter changed" in text and "No metric changed." in text


def test_results_that_are_older_than_the_code_are_said_to_be(project):
    path = project.folder / "pipeline/methods/lora.py"
    path.write_text(path.read_text() + "# a comment\n")
    assert "`dvc repro` would run train@lora-17 and what follows" in page(project, "HEAD")


def test_an_edit_of_shared_code_names_the_stages_that_import_it(project):
    path = project.folder / "pipeline/inference/latency.py"
    path.write_text(path.read_text() + "# a comment\n")
    assert "`dvc repro` would run measure and what follows" in page(project, "HEAD")
    path.write_text(path.read_text().removesuffix("# a comment\n"))
    path = project.folder / "pipeline/commands/sweep.py"
    path.write_text(path.read_text() + "# a comment\n")
    assert "would run" not in page(project, "HEAD")


def test_the_way_back_says_what_is_removed_and_what_the_base_has_more(project):
    project.must("git", "checkout", "--quiet", "-b", "older", "base")
    project.dvc("checkout")
    tip = project.must("git", "rev-list", "-1", "--all", "--grep=higher").strip()
    text = page(project, tip)
    assert "published is removed: it had ROUGE-1" in text
    assert f"{tip} is ahead of this change by 1 commit, which look undone by it" in text
    assert cells(text, "`generate.max_new_tokens`")[1:] == ["24", "12"]


def test_a_base_that_is_not_there_is_refused_in_one_line(project):
    done = project.run("python", "-m", "pipeline", "pull_request", "mian")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line == (
        "python -m pipeline.commands.pull_request: error: 'mian' is no branch, commit or experiment here: "
        "name one (BASE=main), or fetch it (git fetch origin)"
    )


def test_metrics_that_were_never_made_are_asked_for(project):
    (project.folder / "reports/metrics/lora.json").unlink()
    done = project.run("python", "-m", "pipeline", "pull_request", "base")
    assert done.returncode == 1
    assert done.stderr.endswith("reports/metrics/lora.json can't be read here: run `dvc repro` first, or `dvc pull`\n")


def test_make_shows_the_page_with_images_that_fit_a_phone(project):
    (project.folder / ".venv").mkdir()
    (project.folder / ".venv/ready").touch()  # the packages are there already
    text = project.must("make", "--silent", "pr-report", "BASE=base")
    images = re.findall(r"!\[.+\]\((.+)\)", text)
    assert images == ["rouge1.png", "validation-loss.png"]
    for name in images:
        image = (project.folder / "pull_request" / name).read_bytes()
        assert image.startswith(b"\x89PNG\r\n\x1a\n")
        width, height = struct.unpack(">II", image[16:24])
        assert 600 <= width <= 860 and 200 <= height <= 1200  # at twice a screen's pixels
        assert len(image) > 5_000
    assert project.must("git", "status", "--porcelain") == ""


def step(job: str, name: str) -> str:
    """The script of a step of the workflow."""
    workflow = yaml.safe_load((ROOT / ".github/workflows/pull_request.yml").read_text())
    return next(found["run"] for found in workflow["jobs"][job]["steps"] if found.get("name", "").startswith(name))


def test_the_workflow_runs_the_base_beside_the_change_so_that_the_test_is_paired(project, tmp_path):
    """Also where the base's committed results come from another machine and are in no cache here."""
    project.must("git", "checkout", "--quiet", "-B", "base", "base")
    lock = (project.folder / "dvc.lock").read_text()
    table = project.outputs()["reports/examples/lora.parquet"]
    (project.folder / "dvc.lock").write_text(lock.replace(table, "f" * 32))
    project.must("git", "commit", "--quiet", "--all", "--message", "results of another machine")
    project.must("git", "checkout", "--quiet", "-")
    assert "unpaired" in page(project, "base")
    (project.folder / ".venv/bin").mkdir(parents=True)
    (project.folder / ".venv/bin/activate").touch()
    project.environment |= {
        "BASE": "base",
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_WORKSPACE": str(project.folder),
        "GITHUB_ENV": str(tmp_path / "environment"),
    }
    project.must("bash", "-e", "-c", step("compare", "Run the base"))
    name, _, base = (tmp_path / "environment").read_text().strip().partition("=")
    assert name == "BASE"
    text = page(project, base)
    assert "lora: paired over 24 examples" in text and "unpaired" not in text and "would run" not in text


def test_the_workflow_pushes_plots_to_a_branch_of_their_own(tmp_path):
    origin = str(tmp_path / "origin.git")
    first = Project(tmp_path / "first")
    first.folder.mkdir()
    for command in (["init", "--quiet", "--bare", origin], ["init", "--quiet"], ["remote", "add", "origin", origin]):
        first.must("git", *command)
    (first.folder / "code.py").touch()
    first.commit("code")
    first.must("git", "push", "--quiet", "origin", "HEAD:refs/heads/main")
    for number in ("1", "2"):
        clone = Project(tmp_path / number)
        first.must("git", "clone", "--quiet", "--depth", "1", "--branch", "main", f"file://{origin}", str(clone.folder))
        (tmp_path / f"runner{number}/report/pull_request").mkdir(parents=True)
        (tmp_path / f"runner{number}/report/pull_request/rouge1.png").write_bytes(b"an image")
        clone.environment |= {"RUNNER_TEMP": str(tmp_path / f"runner{number}"), "FOLDER": f"{number}/abc"}
        clone.must("bash", "-e", "-c", step("plots", "Push the plots"))
    there = first.must("git", "ls-remote", "--heads", "origin")
    assert "refs/heads/pull-request-plots" in there
    first.must("git", "fetch", "--quiet", "origin", "pull-request-plots")
    assert first.must("git", "ls-tree", "-r", "--name-only", "FETCH_HEAD").split() == [
        "1/abc/rouge1.png",
        "2/abc/rouge1.png",
    ]
