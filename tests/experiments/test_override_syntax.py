from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from pipeline.core.errors import InputError
from pipeline.experiments.override_syntax import explain, readable, readable_command


def value_of(override: str) -> object:
    """What Hydra reads."""
    return OverridesParser.create().parse_override(override).value()


@pytest.mark.parametrize(
    "path",
    [
        "EXT/gespräche.csv",
        "EXT/対話.csv",
        "EXT/it's.csv",
        "EXT/a(1).csv",
        "EXT/a=b.csv",
        "EXT/a b.csv",
        "a:b.csv",
        "a{b.csv",
        "a!b#c&d;e<f>^g`h`.csv",
        "a%20b@c.csv",
        "C:\\data\\x.csv",
        "a'b\"c.csv",
        "new\nline.csv",
        "data/mine.csv",
    ],
)
def test_a_path_is_what_hydra_reads_in_the_end(tmp_path, path):
    assert value_of(readable(f"data.train={path}", tmp_path)) == path
    assert value_of(readable(f"+score.external.old={path}", tmp_path)) == path


@pytest.mark.parametrize("name", ["a,b.csv", "[x].csv", "{y}", "2024", "it's, (1).csv"])
def test_a_file_that_is_there_is_meant_whatever_its_name_could_mean(tmp_path, name):
    (tmp_path / name).touch()
    assert value_of(readable(f"model.path={name}", tmp_path)) == name


def test_a_sweep_over_files_stays_one(tmp_path):
    for name in ("ä.csv", "ö.csv"):
        (tmp_path / name).touch()
    assert readable("data.train=ä.csv,ö.csv", tmp_path) == "data.train='ä.csv','ö.csv'"
    assert readable("data.train=a.csv,b.csv", tmp_path) == "data.train=a.csv,b.csv"


def test_home_is_what_a_shell_makes_of_it(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    assert readable("data.train=~/train.csv", tmp_path) == "data.train=/home/somebody/train.csv"


@pytest.mark.parametrize(
    "override",
    [
        "lora.r=4,8,16",
        "methods=[zero_shot,lora]",
        "data.train='gespräche.csv'",
        "data.train=${data.test}",
        "template=lab,flan",
        "lora.learning_rate=3e-4",
        "~lora.r",
        "score.external={a: x.jsonl}",
    ],
)
def test_what_hydra_reads_is_left_alone(tmp_path, override):
    assert readable(override, tmp_path) == override


def test_plain_text_is_quoted(tmp_path):
    assert readable("data.source_column=Gespräch", tmp_path) == "data.source_column='Gespräch'"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("lora.r=4,ä", "lora.r=4,ä: Hydra does not read 'ä' there. If it is text, quote it: -S \"lora.r='4,ä'\""),
        (
            "data.name=a)b",
            "data.name=a)b: Hydra does not read ')' there. If it is text, quote it: -S \"data.name='a)b'\"",
        ),
        ("methods=[zero_shot,lora", "methods=[zero_shot,lora: a bracket or a quote is not closed."),
        (
            "lora.r=3 lora.lora_alpha=4",
            "lora.r=3 lora.lora_alpha=4: Hydra does not read '=' there. Each value needs a -S",
        ),
        ("data.train='ü.csv", "data.train='ü.csv: Hydra does not read \"'\" there. Close the quotes"),
        ("+score.external.-x=[a", "+score.external.-x=[a: Hydra does not read '.' there, in the key"),
    ],
)
def test_what_could_mean_several_things_is_explained(tmp_path, override, message):
    assert explain(override).startswith(message)
    with pytest.raises(InputError):
        readable(override, tmp_path)


def test_the_overrides_of_exp_run_are_found_in_every_spelling():
    given = ["exp", "run", "--queue", "-S", "data.train=ä", "-Sdata.test=ö", "--set-param=data.validation=ü", "ä=(b"]
    read = readable_command(given, Path())
    assert read[4:] == ["data.train='ä'", "-Sdata.test='ö'", "--set-param=data.validation='ü'", "ä=(b"]
    assert readable_command(["metrics", "diff", "-S", "ä"], Path()) == ["metrics", "diff", "-S", "ä"]
