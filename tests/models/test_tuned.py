"""What was trained is saved, nothing more, and means the same when it is loaded again."""

from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from pipeline.models import tuned
from tests import tiny

MERGEABLE = ("adalora", "dora", "ia3", "ln_tuning", "lora")


def saved(model, folder):
    tuned.save_tuned(model, folder)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def logits(model):
    batch = model.collate(tiny.examples(model))
    with torch.inference_mode():
        return model.labelled_logits(batch)[0]


def biases_only(folder):
    """A BART as a method leaves it that trains biases and nothing else."""
    model = tiny.load(folder, "seq2seq")
    torch.manual_seed(1)
    with torch.no_grad():
        for name, value in model.network.requires_grad_(False).named_parameters():
            if name.endswith("bias"):
                value.requires_grad_(True).add_(torch.randn_like(value))
    return model


def test_a_method_that_trains_some_of_the_bases_parameters_saves_these_alone(tmp_path, bart_base):
    model = biases_only(bart_base)
    files = saved(model, tmp_path / "tuned")
    trained = tuned.trained_parameters(model.network)
    weights = load_file(tmp_path / "tuned/trained.safetensors")
    assert set(files) == {"trained.safetensors"} and set(weights) == set(trained)
    values = 4 * sum(value.numel() for value in trained.values())
    names = sum(map(len, trained))
    assert values < tuned.directory_size(tmp_path / "tuned") < values + 2 * names + 80 * len(trained)
    assert tuned.directory_size(tmp_path / "tuned") < tuned.directory_size(bart_base) / 5
    assert tuned.needs_base(tmp_path / "tuned")


def test_some_parameters_load_into_the_base_to_the_same_logits(tmp_path, bart_base):
    model = biases_only(bart_base)
    tuned.save_tuned(model, tmp_path / "tuned")
    loaded = tuned.load_tuned(bart_base, tmp_path / "tuned", "seq2seq", chat=None, merge=True)
    loaded.network.eval()
    assert logits(loaded).equal(logits(model))
    assert not logits(loaded).equal(logits(tiny.load(bart_base, "seq2seq")))


def test_full_fine_tuning_saves_a_model_that_needs_no_base(tmp_path, base, architecture):
    model = tiny.adapted("full", base, architecture)
    tuned.save_tuned(model, tmp_path / "tuned")
    assert not tuned.needs_base(tmp_path / "tuned")
    loaded = tuned.load_tuned(tmp_path / "nowhere", tmp_path / "tuned", architecture, chat=None, merge=True)
    loaded.network.eval()
    assert logits(loaded).equal(logits(model))


@pytest.mark.parametrize("method", tiny.trained_methods("full"))
def test_an_adapter_saves_no_weight_of_the_base(tmp_path, base, architecture, method):
    model = tiny.adapted(method, base, architecture)
    files = saved(model, tmp_path / "tuned")
    assert set(files) == {"adapter_config.json", "adapter_model.safetensors"}
    assert tuned.needs_base(tmp_path / "tuned")
    trained = sum(value.numel() for value in tuned.trained_parameters(model.network).values())
    assert sum(value.numel() for value in load_file(tmp_path / "tuned/adapter_model.safetensors").values()) <= trained


@pytest.mark.parametrize("method", tiny.trained_methods())
def test_the_same_weights_are_saved_as_the_same_bytes(tmp_path, seq2seq_base, method):
    first, second = (
        saved(tiny.adapted(method, seq2seq_base, "seq2seq"), tmp_path / name / "tuned") for name in ("a", "b")
    )
    assert first == second


def test_a_method_that_trained_nothing_is_the_base(tmp_path, base, architecture):
    (tmp_path / "demonstrations.jsonl").touch()
    loaded = tuned.load_tuned(base, tmp_path, architecture, chat=None, merge=True)
    loaded.network.eval()
    assert logits(loaded).equal(logits(tiny.load(base, architecture)))


@pytest.mark.parametrize(
    ("method", "flags"),
    [
        ("lora", {}),
        pytest.param("lora", {"use_rslora": True}, marks=pytest.mark.slow),
        pytest.param("lora", {"use_dora": True}, marks=pytest.mark.slow),
        *(pytest.param(method, {}, marks=pytest.mark.slow) for method in MERGEABLE if method != "lora"),
    ],
)
def test_a_merged_adapter_answers_as_the_unmerged_one(tmp_path, base, architecture, method, flags):
    tuned.save_tuned(tiny.adapted(method, base, architecture, **flags), tmp_path / "tuned")
    merged, apart = (
        tuned.load_tuned(base, tmp_path / "tuned", architecture, chat=None, merge=merge) for merge in (True, False)
    )
    plain = tiny.load(base, architecture)
    assert [*merged.network.state_dict()] == [*plain.network.state_dict()]
    assert tuned.is_mergeable(apart.network) and not tuned.is_mergeable(merged.network)
    merged_answers, answers = (tiny.answers(evaluated(model), batch_size=4) for model in (merged, apart))
    assert merged_answers == answers
    assert answers != tiny.answers(plain, batch_size=4)


def evaluated(model):
    model.network.eval()
    return model


@pytest.mark.parametrize("method", tiny.trained_methods("full", *MERGEABLE))
def test_a_saved_prompt_answers_as_it_did_before(tmp_path, base, architecture, method):
    model = tiny.adapted(method, base, architecture)
    tuned.save_tuned(model, tmp_path / "tuned")
    assert len(load_file(tmp_path / "tuned/adapter_model.safetensors")) == 1  # the vectors, not what made them
    loaded = evaluated(tuned.load_tuned(base, tmp_path / "tuned", architecture, chat=None, merge=True))
    assert tiny.answers(loaded, batch_size=4) == tiny.answers(model, batch_size=4)


def test_only_what_has_an_adapter_that_folds_is_mergeable(base, architecture):
    assert not tuned.is_mergeable(tiny.load(base, architecture).network)
    assert not tuned.is_mergeable(tiny.adapted("prompt_tuning", base, architecture).network)
    assert tuned.is_mergeable(tiny.adapted("lora", base, architecture).network)
    assert not tuned.is_mergeable(SimpleNamespace())


def test_lora_on_a_tied_output_layer_is_not_merged_and_says_so(tmp_path, causal_base, capsys):
    """Merged into the output layer it would change the embeddings too."""
    model = tiny.adapted("lora", causal_base, "causal", target_modules=["q_proj", "lm_head"])
    tuned.save_tuned(model, tmp_path / "tuned")
    prompts = tiny.prompts(model)
    merged, unmerged = (
        tuned.load_tuned(causal_base, tmp_path / "tuned", "causal", chat=None, merge=merge) for merge in (True, False)
    )
    assert "not merged: with the adapter in its weights this model says something else" in capsys.readouterr().out
    assert tiny.answers(merged, 2, prompts) == tiny.answers(unmerged, 2, prompts) == tiny.answers(model, 2, prompts)
