"""What answers depend on is read from params.yaml, or from the settings.json of a folder, and checked alike."""

import json
from pathlib import Path

import pytest
import yaml

from pipeline.core.errors import InputError
from pipeline.core.params import read_params
from pipeline.core.paths import Paths
from pipeline.inference.settings import SETTINGS, current, read_settings
from tests import tiny


@pytest.fixture
def values() -> dict:
    """What a settings.json has to hold, as it stands in params.yaml, and a key of its own."""
    found = read_params(tiny.ROOT / "params.yaml")
    limits = {"max_source_tokens": 300, "max_new_tokens": None}
    return {key: found[key] for key in ("task", "template", "model", "generate", "seed")} | {"limits": limits, "run": 1}


def write(folder: Path, values: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / SETTINGS).write_text(values if isinstance(values, str) else json.dumps(values))
    return folder


def test_both_sources_give_the_same_settings(tmp_path, values):
    paths = Paths(tmp_path / "project")
    tiny.write_limits(paths, max_source_tokens=300, max_new_tokens=None)
    (paths.root / "params.yaml").write_text(yaml.safe_dump(values))
    found, read = current(paths), read_settings(write(tmp_path / "a folder", values))
    assert found.test_prompts == paths.prompts("test")
    assert read.test_prompts is None
    for name in ("task", "template", "model", "generate", "limits", "seed"):
        assert getattr(read, name) == getattr(found, name)
    assert read.limits["max_source_tokens"] == 300


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": None}, "seed: None: Input should be a valid integer"),
        ({"generate": {"num_beams": 4}}, "generate.max_new_tokens: missing"),
        ({"limits": {"max_source_tokens": "many"}}, "limits.max_source_tokens: 'many': "),
        ("[1]", "expected a mapping, found list"),
        ("{", "not readable as JSON: Expecting property name"),
    ],
)
def test_a_wrong_file_is_told_with_its_key(tmp_path, values, change, message):
    folder = write(tmp_path / "folder", values | change if isinstance(change, dict) else change)
    with pytest.raises(InputError, match=f"folder/settings.json: {message}"):
        read_settings(folder)


def test_what_is_missing_is_told(tmp_path, values):
    del values["template"]
    with pytest.raises(InputError, match=r"settings.json: template: missing$"):
        read_settings(write(tmp_path / "folder", values))
    with pytest.raises(InputError, match=r"settings.json: no such file; expected a folder that .*pipeline.export"):
        read_settings(tmp_path)
