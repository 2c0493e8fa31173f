"""The stage `soft_prompt`: a planted prompt of real tokens is found again, a random one is flagged; real losses."""

import itertools
import re

import numpy as np
import pytest
import torch
import yaml

from pipeline import methods, soft_prompt
from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.core.token_files import TokenFile, write_tokens
from pipeline.evaluation.soft_prompts import soft_prompts
from pipeline.inference.soft_prompts import embeddings_of, nats_with, nats_without
from pipeline.models.tuned import save_tuned
from pipeline.models.vocabulary import TokenNames
from pipeline.parameters.soft_prompt import SoftPrompt
from tests import tiny
from tests.systems import settings

RUN = "prompt_tuning-17"
COUNT = 6


@pytest.fixture
def paths(tmp_path, monkeypatch, base, architecture) -> Paths:
    """A project with a base, tokens of validation and a params.yaml whose soft prompts have few vectors."""
    monkeypatch.chdir(tmp_path)
    values = yaml.safe_load((tiny.ROOT / "params.yaml").read_text())
    for method in ("prompt_tuning", "p_tuning", "prefix_tuning"):
        values[method] |= {"num_virtual_tokens": COUNT}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    paths = Paths()
    paths.base_model.parent.mkdir()
    paths.base_model.symlink_to(base)
    model = tiny.load(base, architecture)
    sentences = tuple(text[:80] for text in tiny.texts()[:24])
    write_tokens(paths.tokens("validation"), tiny.examples(model, sentences))
    return paths


def tune(paths: Paths, architecture: str, vectors: np.ndarray | None = None, run: str = RUN, **changes):
    """A run of prompt tuning as it begins, or with these vectors, in its folder."""
    method, _, seed = run.partition("-")
    model = tiny.load(paths.base_model.resolve(), architecture)
    model.network.requires_grad_(False)
    params = tiny.method_params(method, num_virtual_tokens=COUNT, **changes)
    model.network = methods.find(method).adapt(model, params, int(seed))
    if vectors is not None:
        with torch.no_grad():
            model.network.prompt_encoder["default"].embedding.weight.copy_(torch.tensor(vectors))
    save_tuned(model, paths.tuned_model(run))
    model.network.eval()
    return model


def read(paths: Paths, architecture: str, run: str = RUN, **changes) -> tuple[dict, list[dict], dict]:
    """The record, the table, and what the comparison says of the run."""
    asked = tiny.section("soft_prompt", SoftPrompt, **changes)
    soft_prompt.run(run, paths, model=tiny.model_params(architecture), soft_prompt=asked)
    record, table = files.read_json(paths.soft_prompt_run(run)), files.read_parquet(paths.soft_prompt_tokens(run))
    return record, table, soft_prompts([run], paths, settings())["runs"][run]


def words(model, ids) -> list[str]:
    return [TokenNames(model.tokenizer).name(int(token)) for token in ids]


def helpful_tokens(model, paths: Paths) -> np.ndarray:
    """Of many prompts of real tokens the one that lowers the loss most."""
    examples = TokenFile(paths.tokens("validation"))[:12]
    rng = np.random.default_rng(1)
    tries = [rng.integers(10, 400, COUNT) for _ in range(60)]

    def loss(ids: np.ndarray) -> float:
        return sum(nats for nats, _ in nats_with(model, embeddings_of(model, ids), examples, 12, "try"))

    best = min(tries, key=loss)
    assert loss(best) < sum(nats for nats, _ in nats_without(model, examples, 12, "try"))
    return best


def test_a_planted_prompt_of_real_tokens_is_found_and_snapping_it_costs_nothing(paths, architecture):
    model = tune(paths, architecture)
    planted = helpful_tokens(model, paths)
    tune(paths, architecture, embeddings_of(model, planted))
    record, table, found = read(paths, architecture)
    assert [row["words"][0] for row in table] == words(model, planted)
    assert [row["cosines"][0] for row in table] == pytest.approx([1] * COUNT)
    assert record["nats"]["snapped"] == record["nats"]["trained"] != record["nats"]["none"]
    assert found["verdict"] == "words" and found["kept"]["mean"] == 100
    assert found["sentence"].startswith("The words mean what the prompt does: alone, the nearest tokens keep 100 % [")
    assert not found["like_random"] and found["beyond_random"] == COUNT
    assert all(row["nearer_than"] == 1 for row in table)


def test_a_planted_prompt_is_found_under_noise_and_at_another_length(paths, architecture):
    model = tune(paths, architecture)
    planted = helpful_tokens(model, paths)
    vectors = embeddings_of(model, planted)
    noise = np.random.default_rng(0).normal(size=vectors.shape) * np.linalg.norm(vectors, axis=1)[:, None]
    tune(paths, architecture, 1.1 * vectors + 0.3 * noise / np.sqrt(vectors.shape[1]))
    record, table, found = read(paths, architecture)
    assert [row["words"][0] for row in table] == words(model, planted)
    assert all(0.9 < row["cosines"][0] < 0.99 for row in table)
    assert record["nats"]["snapped"] != record["nats"]["trained"]
    assert found["beyond_random"] == COUNT and not found["like_random"]


def test_a_random_prompt_is_flagged(paths, architecture):
    model = tune(paths, architecture)
    width = model.base_network.config.hidden_size
    for seed in range(3):
        tune(paths, architecture, np.random.default_rng(seed).normal(size=(COUNT, width)))
        record, table, found = read(paths, architecture)
        assert found["like_random"], found
        assert found["verdict"] != "words"
        assert np.median([row["cosines"][0] for row in table]) < record["vocabulary"]["random"]["high"]


@pytest.mark.parametrize("init", ["vocabulary", "text"])
def test_a_prompt_that_did_not_move_is_where_it_began(paths, architecture, init):
    params = paths.root / "params.yaml"
    values = yaml.safe_load(params.read_text())
    values["prompt_tuning"] |= {"init": init}
    params.write_text(yaml.safe_dump(values))
    tune(paths, architecture, init=init)
    record, table, found = read(paths, architecture)
    assert found["unmoved"] == COUNT
    for row in table:
        assert row["words"][0] == row["initial"]
        assert (row["drift"], row["moved"]) == pytest.approx((1, 0), abs=1e-4)
    assert record["nats"]["initial"] == pytest.approx(record["nats"]["trained"], abs=1e-3)


def test_drift_is_from_the_token_of_its_own_seed(paths, architecture):
    model = tune(paths, architecture, run="prompt_tuning-5")
    began = embeddings_of(model, np.arange(20, 20 + COUNT))
    tune(paths, architecture, began, run="prompt_tuning-5")
    _, table, _ = read(paths, architecture, run="prompt_tuning-5")
    first = methods.find("prompt_tuning").initial_tokens(
        model.tokenizer, tiny.method_params("prompt_tuning", num_virtual_tokens=COUNT), 512, 5
    )
    assert [row["initial"] for row in table] == words(model, first)
    moved = np.linalg.norm(began - embeddings_of(model, np.array(first)), axis=1)
    assert [row["moved"] for row in table] == pytest.approx(moved, abs=1e-3)


def test_importance_is_what_the_loss_rises_by_hand(paths, architecture):
    model = tune(paths, architecture)
    record, table, _ = read(paths, architecture, neutralize_examples=5)
    vectors = embeddings_of(
        model,
        np.array(
            methods.find("prompt_tuning").initial_tokens(
                model.tokenizer, tiny.method_params("prompt_tuning", num_virtual_tokens=COUNT), 512, 17
            )
        ),
    )
    examples = TokenFile(paths.tokens("validation"))[:5]

    def loss(prompt: np.ndarray) -> float:
        each = nats_with(model, prompt, examples, 5, "by hand")
        return sum(nats for nats, _ in each) / sum(count for _, count in each)

    for number, row in enumerate(table):
        without = np.where(np.arange(COUNT)[:, None] == number, 0, vectors)
        assert row["importance"] == pytest.approx(loss(without) - loss(vectors), abs=2e-4)
    assert record["neutralized_examples"] == 5 and len(record["labels"]) == 24


def test_vectors_that_take_long_show_how_far_they_are(paths, architecture, monkeypatch, capsys):
    """Of a real model each takes seconds, although its examples are one batch."""
    clock = itertools.count(step=11)
    monkeypatch.setattr("pipeline.core.progress.time.monotonic", lambda: next(clock))
    tune(paths, architecture)
    read(paths, architecture, listed=3)
    shown = re.findall(rf"^neutralize {RUN}: (\d)/3, about", capsys.readouterr().out, flags=re.MULTILINE)
    assert shown == ["1", "2"]


def test_of_a_long_prompt_some_vectors_are_listed_and_all_are_read(paths, architecture):
    tune(paths, architecture)
    record, table, found = read(paths, architecture, listed=3, nearest=2, examples=7)
    assert record["virtual_tokens"] == found["virtual_tokens"] == COUNT
    assert [row["token"] for row in table] == [1, 3, 6]
    assert all(len(row["words"]) == 2 for row in table)
    assert len(record["labels"]) == len(record["nats"]["none"]) == 7
    assert record["neutralized_examples"] == 7


@pytest.mark.slow
def test_p_tuning_has_the_vectors_that_its_encoder_made_and_began_as_no_tokens(paths, architecture):
    model = tune(paths, architecture, run="p_tuning-17")
    with torch.no_grad():
        made = model.network.get_prompt(1)[0].numpy()
    record, table, found = read(paths, architecture, run="p_tuning-17")
    np.testing.assert_allclose([row["vector"] for row in table], made, rtol=1e-5, atol=1e-6)
    assert "initial" not in record["nats"] and found["unmoved"] is None
    assert {row["initial"] for row in table} == {row["drift"] for row in table} == {None}


def test_prefix_tuning_has_no_vectors_among_the_embeddings(paths, architecture):
    tune(paths, architecture, run="prefix_tuning-17")
    with pytest.raises(InputError, match=r"prefix_tuning-17: no soft prompt, so there are no vectors to read"):
        read(paths, architecture, run="prefix_tuning-17")


def test_vectors_that_are_not_finite_are_refused(paths, architecture):
    model = tune(paths, architecture)
    vectors = np.full((COUNT, model.base_network.config.hidden_size), np.nan)
    tune(paths, architecture, vectors)
    with pytest.raises(InputError, match=r"vectors of its soft prompt are not finite"):
        read(paths, architecture)
