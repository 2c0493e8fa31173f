"""A path of the user's never is what DVC deletes before a stage runs."""

import os
import shutil
from pathlib import Path

import pytest

from pipeline.core.errors import InputError
from pipeline.experiments import configuration

LOCAL = ("data=local", "data.train=")
MODEL = ("model=local", "model.architecture=seq2seq", "model.path=")


@pytest.fixture
def project(tmp_path) -> Path:
    """An empty project."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def validate(project: Path, *overrides: str) -> None:
    configuration.validate(configuration.compose(overrides), project)


def with_path(options: tuple[str, ...], path: str) -> list[str]:
    return [*options[:-1], f"{options[-1]}'{path}'"]


@pytest.mark.parametrize(
    ("options", "path", "reason"),
    [
        (LOCAL, "data/raw/calls.jsonl", "lies in data/raw: the stage download writes it"),
        (LOCAL, "data/raw", "is data/raw"),
        (LOCAL, "data/records/train.jsonl", "is data/records/train.jsonl: the stage prepare"),
        (LOCAL, "data", "contains data/"),
        (LOCAL, ".", "contains "),
        (LOCAL, "./conf/../data//raw/x.csv", "where it leads, lies in data/raw"),
        (LOCAL, "data/code/train.txt", "is data/code/train.txt: the stage code"),
        (LOCAL, "models/checkpoints/lora-1/x.jsonl", "lies in models/checkpoints: finished trainings"),
        (LOCAL, "reports/report.html", "is reports/report.html: the stage report"),
        (MODEL, "models/raw", "is models/raw: the stage download_model"),
        (MODEL, "models/base", "is models/base: the stage convert"),
        (MODEL, "models/tuned/adalora-17", "is models/tuned/adalora-17: the stage train"),
        (MODEL, "models", "contains models/"),
        (
            ("forgetting=local", "forgetting.questions="),
            "reports/answers/lora-17.jsonl",
            "is reports/answers/lora-17.jsonl",
        ),
        (
            ("mixture=calls", "mixture.tasks.number.data="),
            "data/records/mixture/number.jsonl",
            "mixture.tasks.number.data: 'data/records/mixture/number.jsonl' is data/records/mixture/number.jsonl",
        ),
        (
            ("benchmark=local", "benchmark.tasks.mine.data="),
            "data/benchmarks/local/mine/test.parquet",
            "lies in data/benchmarks/local/mine: the stage benchmark_data",
        ),
        (("forgetting.text=",), "reports/comparison.md", "is reports/comparison.md: the stage compare"),
        (("+score.external.old=",), "reports/predictions/full/full-17.jsonl", "is reports/predictions/full"),
        (("+score.external.x=",), "reports/scores/x.json", "is reports/scores/x.json: the stage external"),
    ],
)
def test_a_path_in_an_output_is_refused_before_anything_runs(project, options, path, reason):
    with pytest.raises(InputError) as refusal:
        validate(project, *with_path(options, path))
    assert reason in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_absolute_path_into_an_output_is_refused(project):
    with pytest.raises(InputError, match="lies in data/raw"):
        validate(project, *with_path(LOCAL, f"{project}/data/raw/x.jsonl"))


def test_a_link_into_an_output_is_refused_and_so_is_a_folder_that_holds_one(project):
    (project / "data/records").mkdir(parents=True)
    (project / "data/records/test.jsonl").write_text("{}\n")
    (project / "mine.jsonl").symlink_to("second.jsonl")
    (project / "second.jsonl").symlink_to("data/records/test.jsonl")
    (project / "folder").mkdir()
    (project / "folder/train.jsonl").symlink_to("../data/records/test.jsonl")
    for path in ("mine.jsonl", "folder"):
        with pytest.raises(InputError, match=r"is data/records/test\.jsonl"):
            validate(project, *with_path(LOCAL, path))


def test_a_project_behind_a_link_is_no_way_around(project):
    (project.parent / "link").symlink_to(project)
    with pytest.raises(InputError, match="lies in data/raw"):
        validate(project, *with_path(LOCAL, f"{project.parent}/link/data/raw/x.jsonl"))


def test_files_of_the_users_own_in_data_raw_are_not_deleted_whatever_is_named(project):
    (project / "data/raw").mkdir(parents=True)
    (project / "data/raw/source.json").write_text("{}")
    validate(project)
    (project / "data/raw/notes.txt").write_text("mine")
    for overrides in ([], ["data=dialogsum"]):
        with pytest.raises(InputError, match=r"^data/raw/notes\.txt is no file of the stage download"):
            validate(project, *overrides)
    shutil.rmtree(project / "data")
    (project / "models/raw").mkdir(parents=True)
    (project / "models/raw/model.safetensors").touch()
    with pytest.raises(InputError, match=r"^models/raw/model\.safetensors is no file of the stage download_model"):
        validate(project)


def test_a_download_that_was_interrupted_may_go_on(project):
    (project / "data/raw").mkdir(parents=True)
    (project / "data/raw/train.jsonl").touch()
    (project / "models/raw").mkdir(parents=True)
    (project / "models/raw/model.safetensors").touch()
    validate(project, "data=dialogsum", "model=flan_t5_small")
    (project / "dvc.lock").write_text(
        "stages:\n"
        "  download: {outs: [{path: data/raw, nfiles: 4}]}\n"
        "  download_model: {outs: [{path: models/raw, nfiles: 7}]}\n"
    )
    validate(project)


@pytest.mark.parametrize("output", ["models/base", "data/records", "reports", "data/raw"])
def test_an_output_behind_a_symbolic_link_is_refused(project, output):
    """Or the stage would write into the folder that the link leads to."""
    own = project.parent / "own"
    own.mkdir()
    (project / output).parent.mkdir(parents=True, exist_ok=True)
    (project / output).symlink_to(own)
    with pytest.raises(InputError, match=f"^{output} is a symbolic link to .*rm {output}$"):
        validate(project)


@pytest.mark.parametrize(
    "overrides",
    [
        ["data=dialogsum"],
        ["data=dialogsum", "data.test=data/raw/validation.jsonl"],
        ["model=flan_t5_base"],
        ["model=smollm2_135m_wheel"],
        with_path(LOCAL, "data/support_calls/train.jsonl"),
        with_path(LOCAL, "data/support_calls"),
        with_path(LOCAL, "mine.jsonl"),
        with_path(LOCAL, "data/mine.jsonl"),
        with_path(LOCAL, "reports.jsonl"),
        with_path(MODEL, "models/mine"),
        with_path(MODEL, "models/tiny_t5"),
        ["forgetting=english"],
    ],
)
def test_the_pipelines_own_uses_and_paths_beside_outputs_are_fine(project, overrides):
    validate(project, *overrides)


def test_a_hard_link_to_an_output_is_another_file(project):
    (project / "data/records").mkdir(parents=True)
    (project / "data/records/test.jsonl").write_text("{}\n")
    os.link(project / "data/records/test.jsonl", project / "mine.jsonl")
    validate(project, *with_path(LOCAL, "mine.jsonl"))


@pytest.mark.parametrize(
    "name",
    ["my file", "R&D", "a(1)", "m;touch owned", "a$b", 'd"d', "-dash", "{a,b}", "a*", "a#b", "x" * 250, "対話", "a=b"],
)
def test_any_name_of_a_file_is_a_path(project, name):
    validate(project, *with_path(LOCAL, name))


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "data.train: empty"),
        ("~/train.csv", "data.train: '~/train.csv': only a shell knows what ~ means; write the whole path: /"),
        ("s3://bucket/train.csv", "data.train: 's3://bucket/train.csv' is an address; download it"),
        ("x" * 300, r"data.train: 'xxx.* \(300 characters\) cannot be a path here: File name too long"),
        ("a/" * 2100, r"data.train: .*: String should have at most 4096 characters"),
    ],
)
def test_what_cannot_be_a_path_is_said(project, path, reason):
    with pytest.raises(InputError, match=f"^{reason}"):
        validate(project, *with_path(LOCAL, path))


def test_a_reference_in_a_path_is_said(project):
    values = configuration.compose(with_path(LOCAL, "x.csv"))
    values["data"]["train"] = "a${b}.csv"
    with pytest.raises(InputError, match=r"^data\.train: 'a\$\{b\}\.csv': `\$\{` begins a reference"):
        configuration.validate(values, project)
