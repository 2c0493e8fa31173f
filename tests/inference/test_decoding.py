import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pipeline import generate, methods, train
from pipeline.core.errors import InputError
from pipeline.core.params import parse_section, read_params
from pipeline.models import families
from pipeline.parameters.model import Model
from tests import tiny

ROOT = Path(__file__).parent.parent
ADAPTERS = [name for name in methods.names() if hasattr(methods.find(name), "adapt") and name != "full"]


@pytest.fixture(params=["seq2seq", "causal"])
def arch(request):
    return request.param


@pytest.fixture
def base(arch, request):
    return request.getfixturevalue(f"{arch}_base")


def settings(**changes) -> generate.Generate:
    values = read_params(ROOT / "params.yaml")["generate"] | {"max_new_tokens": 12, "num_beams": 1}
    return parse_section(values | changes, generate.Generate, "generate")


def prompts(base: Path, count: int = 12) -> list[list[int]]:
    """Prompts of very different lengths."""
    tokenizer = families.load_tokenizer(base)
    return [tokenizer(text[: 20 + 37 * number])["input_ids"] for number, text in enumerate(tiny.texts()[:count])]


def answers(network, base: Path, arch: str, batch_size: int, inputs=None, **changes) -> dict[int, list[int]]:
    tokenizer = families.load_tokenizer(base)
    chosen = settings(**changes)
    config = generate.generation_config(tokenizer, network, chosen)
    found = generate.batches(
        network.eval(), tokenizer, inputs or prompts(base), config, batch_size, arch, chosen.precision
    )
    return {number: ids for number, (ids, _, _) in found}


def adapted(method: str, base: Path, arch: str, **changes):
    """A base with a method's adapter, its fresh zeros moved, as if trained."""
    chosen = methods.find(method)
    params = parse_section(read_params(ROOT / "params.yaml")[method] | changes, chosen.Params, method)
    network = families.load_model(base, arch).requires_grad_(False)
    torch.manual_seed(1)
    network = chosen.adapt(network, families.load_tokenizer(base), params, arch, seed=0)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter.add_(0.3 * torch.randn_like(parameter))
    return network


def test_a_batch_says_what_single_prompts_say(base, arch):
    network = families.load_model(base, arch)
    single = answers(network, base, arch, batch_size=1)
    assert answers(network, base, arch, batch_size=5) == single
    assert any(single.values())


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("method", ADAPTERS)
def test_a_batch_says_what_single_prompts_say_with_every_adapter(base, arch, method, beams):
    network, inputs = adapted(method, base, arch), prompts(base, 6)
    single = answers(network, base, arch, 1, inputs, num_beams=beams)
    assert answers(network, base, arch, 4, inputs, num_beams=beams) == single
    assert single != answers(families.load_model(base, arch), base, arch, 1, inputs, num_beams=beams)


@pytest.mark.parametrize("method", ADAPTERS)
def test_what_is_written_is_what_the_training_loss_finds_likeliest(base, arch, method):
    """Prompts, positions and what an adapter adds are the same in both."""
    network, inputs, tokenizer = adapted(method, base, arch), prompts(base, 6), families.load_tokenizer(base)
    told = answers(network, base, arch, 4, inputs, no_repeat_ngram_size=0)
    collate = families.collator(tokenizer, network.get_base_model(), arch)
    examples = [families.example(inputs[number], told[number], tokenizer.eos_token_id, arch) for number in range(6)]
    with torch.inference_mode():
        logits, labels = families.labelled_logits(network, collate(examples), arch)
    likeliest = [int(token) for token, label in zip(logits.argmax(-1), labels.flatten()) if label != families.IGNORED]
    for ids in (told[number] for number in range(6)):
        assert likeliest[: len(ids)] == ids
        likeliest = likeliest[len(ids) + 1 :]  # what comes behind them, where writing stopped


def test_beam_search_batches_like_single_prompts(base, arch):
    network = families.load_model(base, arch)
    single = answers(network, base, arch, batch_size=1, num_beams=3)
    assert answers(network, base, arch, batch_size=5, num_beams=3) == single


@pytest.mark.parametrize(
    ("method", "flags"),
    [
        ("lora", {}),
        ("lora", {"use_rslora": True}),
        ("lora", {"use_dora": True}),
        *((method, {}) for method in ("adalora", "dora", "ia3", "ln_tuning")),
    ],
)
def test_a_merged_adapter_says_what_the_unmerged_one_says(tmp_path, base, arch, method, flags):
    train.save(adapted(method, base, arch, **flags), families.load_tokenizer(base), tmp_path)
    merged, apart = (families.load_tuned(base, tmp_path, arch, merge) for merge in (True, False))
    plain = families.load_model(base, arch)
    assert [*merged.state_dict()] == [*plain.state_dict()]
    assert families.mergeable(apart)
    told = answers(merged, base, arch, batch_size=4)
    assert told == answers(apart, base, arch, batch_size=4)
    assert told != answers(plain, base, arch, batch_size=4)


@pytest.mark.parametrize("method", ["prompt_tuning", "p_tuning", "prefix_tuning"])
def test_a_saved_prompt_says_what_it_said_before(tmp_path, base, arch, method):
    network = adapted(method, base, arch)
    train.save(network, families.load_tokenizer(base), tmp_path)
    (name,) = [path for path in tmp_path.iterdir() if path.suffix == ".safetensors"]
    assert len(load_file(name)) == 1  # the vectors alone, not what made them
    loaded = families.load_tuned(base, tmp_path, arch, merge=True)
    assert answers(loaded, base, arch, batch_size=4) == answers(network, base, arch, batch_size=4)


def test_out_of_memory_halves_the_batch_and_loses_nothing(base, arch, monkeypatch, capsys):
    network = families.load_model(base, arch)
    expected = answers(network, base, arch, batch_size=1)
    real = network.generate

    def small_machine(input_ids, **rest):
        if len(input_ids) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(input_ids=input_ids, **rest)

    monkeypatch.setattr(network, "generate", small_machine)
    assert answers(network, base, arch, batch_size=10) == expected
    assert "going on with batches of 3" in capsys.readouterr().out


def test_other_errors_are_not_taken_for_a_lack_of_memory(base, arch, monkeypatch):
    network = families.load_model(base, arch)

    def broken(**inputs):
        raise RuntimeError("shapes cannot be multiplied")

    monkeypatch.setattr(network, "generate", broken)
    with pytest.raises(RuntimeError, match="multiplied"):
        answers(network, base, arch, batch_size=4)


def test_a_causal_answer_holds_nothing_of_its_prompt(causal_base):
    network = families.load_model(causal_base, "causal")
    for number, ids in answers(network, causal_base, "causal", batch_size=4).items():
        assert len(ids) <= 12, number


def test_generation_ends_at_the_end_token_and_at_the_limit(base, arch):
    network = families.load_model(base, arch)
    tokenizer = families.load_tokenizer(base)
    inputs = prompts(base)
    first = answers(network, base, arch, batch_size=4)[0][0]
    config = generate.generation_config(tokenizer, network, settings())
    config.eos_token_id = [first]  # the token it writes first now means the end
    found = dict(generate.batches(network.eval(), tokenizer, inputs[:1], config, 4, arch, "fp32"))
    assert found[0] == ([], True, 4)
    config.eos_token_id = [tokenizer.eos_token_id]
    ids, ended, _ = dict(generate.batches(network, tokenizer, inputs[:1], config, 4, arch, "fp32"))[0]
    assert ended or len(ids) == 12


@pytest.mark.parametrize("method", ["none", "prompt_tuning", "lora"])
def test_the_search_takes_nothing_from_the_checkpoint(base, arch, method):
    def network():
        return families.load_model(base, arch) if method == "none" else adapted(method, base, arch)

    biased = network()
    inner = getattr(biased, "get_base_model", lambda: biased)()
    inner.generation_config.do_sample = True
    inner.generation_config.temperature = 5.0
    inner.generation_config.repetition_penalty = 9.0
    inner.generation_config.min_length = 40
    assert answers(biased, base, arch, batch_size=4) == answers(network(), base, arch, batch_size=4)


def test_a_chat_model_ends_at_its_turns_end_too(causal_base):
    network = families.load_model(causal_base, "causal")
    inputs = prompts(causal_base)[:1]
    first = answers(network, causal_base, "causal", 1, inputs)[0][0]
    other = families.load_model(causal_base, "causal")
    other.generation_config.eos_token_id = [first, 2]
    assert answers(other, causal_base, "causal", 1, inputs)[0] == []


def test_examples_come_on_top_of_a_prompts_own_limit(causal_base):
    tokenizer = families.load_tokenizer(causal_base)
    model = Model(name="m", arch="causal", chat=False, precision="fp32", path="x", hub=None, wheel=None)
    dialogue = " ".join(f"word{number}" for number in range(200))
    row = {"prompt": f"Sum up: {dialogue} Short:", "instruction": f"Sum up: {dialogue} Short:", "dialogue": dialogue}
    shown = [{"instruction": "Sum up: A talk. Short:", "completion": " Talk."}]
    own = generate.encode(row, [], tokenizer, model, 64)
    ids = generate.encode(row, shown, tokenizer, model, 64)
    assert len(own) == 64
    text = tokenizer.decode(ids)
    assert text.startswith("Sum up: A talk. Short: Talk.\n\nSum up: word0")
    assert text.endswith("word199 Short:")
    assert abs(len(ids) - 64 - len(tokenizer("Sum up: A talk. Short: Talk.\n\n")["input_ids"])) <= 1


def test_all_empty_summaries_are_an_error(tmp_path, seq2seq_base):
    network = families.load_model(seq2seq_base, "seq2seq")
    with torch.no_grad():  # whatever it reads, it ends at once
        network.lm_head.weight.zero_()
    network.config.tie_word_embeddings = False
    tuned = tmp_path / "tuned"
    network.save_pretrained(tuned)
    row = {"id": "1", "prompt": "Sum up: a", "instruction": "Sum up: a", "dialogue": "a", "references": ["b"]}
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "test.jsonl").write_text(json.dumps(row) + "\n")
    params = read_params(ROOT / "params.yaml")
    with pytest.raises(InputError, match="every one of 1 summaries is empty"):
        generate.run(
            "full",
            tmp_path / "prompts",
            seq2seq_base,
            tuned,
            tmp_path / "predictions.jsonl",
            tmp_path / "record.json",
            model=parse_section(params["model"], Model, "model"),
            tokenize=parse_section(params["tokenize"], generate.Tokenize, "tokenize"),
            generate=settings(),
        )
    assert not (tmp_path / "predictions.jsonl").exists()
