"""One base and all that stands beside it: rows of different methods say in one batch what each says alone."""

import gc
import random

import psutil
import pytest
import torch

from pipeline.core.errors import InputError
from pipeline.models.tuned import save_tuned
from pipeline.serving.mixed_batch import can_share, write
from pipeline.serving.served import Request
from pipeline.serving.shared_base import BASE, Trained
from tests import tiny
from tests.serving.conftest import SEEDS_OF, expected
from tests.systems import RECORDS

SHARING = ("zero_shot", "few_shot", "lora", "lora-2", "prompt_tuning")


def texts(registry, names: list[str]) -> list[str]:
    """What these methods say of the records, a row each, in one batch."""
    methods = [registry.get(name) for name in names]
    rows = RECORDS[: len(names)]
    encoded = [
        method.encode(Request({"dialogue": row["dialogue"]}, row["id"], shorten=True))
        for method, row in zip(methods, rows)
    ]
    config = methods[0].config(methods[0].generate.max_new_tokens)
    answers = write(registry.base, [one.row for one in encoded], config, "fp32")
    return [method.decode(answer.ids, one.text) for method, answer, one in zip(methods, answers, encoded)]


@pytest.mark.parametrize("name", [*SEEDS_OF, "lora-2"])
def test_each_method_says_what_generate_writes(project, registry, name):
    run = name if name == "lora-2" else f"{name}-1" if SEEDS_OF[name] else name
    assert texts(registry, [name] * 4) == expected(project, run, RECORDS[:4])


def test_rows_of_one_batch_have_different_methods(project, registry, architecture):
    names = [name for name in SHARING if architecture == "seq2seq" or name != "prompt_tuning"]
    alone = {name: texts(registry, [name] * len(names)) for name in names}
    assert len({alone[name][0] for name in ("zero_shot", "lora", "lora-2")}) == 3
    assert texts(registry, names) == [alone[name][number] for number, name in enumerate(names)]


def test_a_causal_model_mixes_soft_prompts_only_where_no_n_gram_is_forbidden():
    soft, plain = Trained(soft=torch.zeros(2, 4)), Trained(adapter="lora0")
    assert can_share(soft, plain, "seq2seq", 4) and can_share(soft, plain, "causal", 0)
    assert not can_share(soft, plain, "causal", 4) and can_share(soft, Trained(soft=torch.zeros(3, 4)), "causal", 4)
    assert not can_share(Trained(network=object()), plain, "seq2seq", 0)


def test_whatever_is_loaded_the_base_stays_what_it_was(registry):
    before = texts(registry, ["zero_shot"] * 3)
    weights = {name: value.clone() for name, value in registry.base.model.network.state_dict().items()}
    for name in [*SEEDS_OF, "lora-2"]:
        registry.get(name)
    assert texts(registry, ["zero_shot"] * 3) == before
    assert all(torch.equal(value, weights[name]) for name, value in registry.base.model.network.state_dict().items())


def test_networks_of_their_own_share_the_base_weights(registry):
    base = {value.data_ptr() for value in registry.base.model.network.parameters()}
    for name in ("prefix_tuning", "ia3"):
        own = registry.get(name).trained.network
        assert base <= {value.data_ptr() for value in own.parameters()}
    assert not base & {value.data_ptr() for value in registry.get("full").trained.network.parameters()}


def test_after_any_order_of_swaps_an_answer_is_that_of_a_fresh_load(project, registry):
    names = [name for name in (*SEEDS_OF, "lora-2") if name != "full"]
    fresh = {name: texts(registry, [name] * 2) for name in names}
    rng = random.Random(0)
    for name in rng.choices(names, k=40):
        assert texts(registry, [name] * 2) == fresh[name]


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["seq2seq"], indirect=True)
def test_a_thousand_swaps_leave_memory_flat(registry):
    """Swaps of what is loaded, with a step of the network each, and of adapters that come and go."""
    lora, other = registry.get("lora").trained.adapter, registry.get("lora-2").trained.adapter
    ids = torch.tensor([[5, 6, 7, 8]])
    process, sizes = psutil.Process(), []
    for number in range(1000):
        writer = registry.base.writer({(BASE, lora, other)[number % 3]})
        with torch.inference_mode():
            writer.network.get_input_embeddings()(ids)
        if number % 50 == 0:
            registry.base.forget(registry.base.load(registry.find("lora").folder))
        if number in (200, 999):
            gc.collect()
            sizes.append(process.memory_info().rss)
    assert sizes[1] - sizes[0] < 8 * 2**20
    assert len(registry.base.with_adapters.peft_config) == 2


def test_a_method_is_loaded_again_when_its_files_change(project, registry, base, architecture, monkeypatch):
    monkeypatch.setattr("pipeline.serving.registry.LOOK_AGAIN", 0)
    before, retired = texts(registry, ["lora"] * 3), []
    same = registry.get("lora")
    assert registry.get("lora") is same
    save_tuned(tiny.adapted("lora", base, architecture, r=4), project.tuned_model("lora-1"))
    assert registry.get("lora", retired.append) is not same and retired == [same]
    after = texts(registry, ["lora"] * 3)
    assert after != before and after == expected(project, "lora-1", RECORDS[:3])


def test_a_base_that_was_replaced_is_refused(project, registry, tmp_path):
    registry.get("lora")
    copied = tmp_path / "other"
    copied.mkdir()
    for path in project.base_model.iterdir():
        (copied / path.name).write_bytes(path.read_bytes())
    project.base_model.unlink()
    project.base_model.symlink_to(copied)
    with pytest.raises(InputError, match="replaced since the start"):
        registry.get("full")


def test_a_damaged_adapter_is_refused_and_leaves_the_others(project, registry):
    before = texts(registry, ["lora", "lora-2"])
    broken = project.tuned_model("lora-1") / "adapter_model.safetensors"
    broken.write_bytes(broken.read_bytes()[:100])
    registry.looked.clear()
    with pytest.raises(InputError, match="lora-1"):
        registry.get("lora")
    assert texts(registry, ["lora-2"] * 2)[1] == before[1]
