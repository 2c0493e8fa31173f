import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch
from transformers import T5Config, T5ForConditionalGeneration

from pipeline import methods, train
from pipeline.core.errors import InputError
from pipeline.core.params import parse_section, read_params
from pipeline.models import families, resource_monitor
from pipeline.train import Train
from pipeline.training.curves import Watch, duration
from pipeline.training.trainer import LengthGrouped, Tuner
from tests.project import Project

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Project:
    """A project whose tokens are ready, with trainings long enough to be killed in."""
    project = Project.fresh(tmp_path_factory.mktemp("project"))
    project.edit("conf/experiment/smoke.yaml", "limit: {train: 16,", "limit: {train: 96,")
    project.edit("conf/config.yaml", "evaluations: 3", "evaluations: 12")
    project.must("python", "-m", "pipeline.config", "compose")
    project.dvc("repro", "tokenize")
    project.commit("tokens")
    return project


def trained_bytes(project: Project, method: str) -> dict[str, bytes]:
    """All a training leaves but its run record."""
    folders = [project.folder / "models" / method, project.folder / "reports" / "curves" / method]
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(project.folder).as_posix(): path.read_bytes() for path in files}


def kill_after_checkpoint(project: Project, method: str, count: int) -> None:
    """Start `dvc repro train@method` and SIGKILL it and its children once `count` checkpoints were written."""
    command = ["dvc", "repro", f"train@{method}"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=project.folder, env=project.environment, start_new_session=True, **quiet)
    folder = project.folder / "models" / "checkpoints"
    seen: set[str] = set()
    while len(seen) < count:
        assert process.poll() is None, "the training ended before it could be killed"
        seen |= {path.name for path in folder.glob(f"{method}-*/checkpoint-*")}
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("method", ["full", "lora", "prompt_tuning"])
def test_a_killed_training_resumes_to_the_same_bytes(prepared, tmp_path, method):
    whole = prepared.copy(tmp_path / "whole")
    assert whole.dvc("repro", f"train@{method}") == [f"train@{method}"]
    expected = trained_bytes(whole, method)
    assert any(name.endswith(".safetensors") for name in expected)

    killed = prepared.copy(tmp_path / "killed")
    kill_after_checkpoint(killed, method, 3)
    kill_after_checkpoint(killed, method, 4)
    output = killed.must("dvc", "repro", f"train@{method}")
    assert "going on from" in output
    assert trained_bytes(killed, method) == expected
    record = killed.json(f"reports/runs/train/{method}.json")
    assert record["resumed_from"].startswith("checkpoint-")
    assert not list((killed.folder / "models/checkpoints").iterdir())


def test_a_changed_parameter_never_goes_on_from_anothers_checkpoint(prepared, tmp_path):
    project = prepared.copy(tmp_path / "project")
    kill_after_checkpoint(project, "lora", 2)
    assert "going on from" not in project.must("dvc", "exp", "run", "-S", "lora.r=4", "train@lora")


def fingerprint(folder: Path, method: str = "lora", precision: str = "fp32", seed: int = 1, **changes) -> str:
    values = read_params(ROOT / "params.yaml")
    chosen = methods.find(method)
    params = parse_section(values[method] | changes, chosen.Params, method)
    model = parse_section(values["model"], train.Model, "model")
    settings = parse_section(values["train"], Train, "train")
    return train.fingerprint(params, folder, folder, precision, seed, model, settings, method)


def test_a_checkpoints_key_follows_everything_the_weights_depend_on(tmp_path):
    for name in ("train.parquet", "validation.parquet"):
        (tmp_path / name).write_bytes(b"tokens")
    keys = [
        fingerprint(tmp_path),
        fingerprint(tmp_path, r=4),
        fingerprint(tmp_path, learning_rate=1e-4),
        fingerprint(tmp_path, seed=2),
        fingerprint(tmp_path, precision="bf16"),
        fingerprint(tmp_path, method="full"),
    ]
    assert fingerprint(tmp_path) == keys[0]
    (tmp_path / "train.parquet").write_bytes(b"other tokens")
    keys.append(fingerprint(tmp_path))
    assert len(set(keys)) == len(keys)


def test_a_half_written_checkpoint_is_cleared_away_and_the_one_before_it_taken(tmp_path, seq2seq_base):
    tuner = tiny_tuner(seq2seq_base, tmp_path)
    tuner.train()
    good = sorted((tmp_path / "checkpoints").glob("checkpoint-*"), key=lambda path: int(path.name[11:]))[-1]
    torn = good.with_name("checkpoint-99")
    shutil.copytree(good, torn)
    state = torn / "trainer_state.json"
    state.write_text(state.read_text()[:-20])
    assert tuner.last_checkpoint() == str(good)
    assert not torn.exists()


def test_speed_after_a_resume_counts_its_own_seconds_alone(tmp_path, seq2seq_base):
    first = tiny_tuner(seq2seq_base, tmp_path)
    with first.clock.phase("train"):
        first.train()
    resumed = tiny_tuner(seq2seq_base, tmp_path)
    resumed.last_checkpoint()
    assert resumed.since == resumed.clock.seconds["train"] > 0


def tiny_tuner(
    base: Path, folder: Path, method: str = "full", precision: str = "fp32", train: dict | None = None, **changes
) -> Tuner:
    """A Tuner of a method on the tiny model and a few sentences."""
    from pipeline.training.trainer import arguments, total_steps

    values, chosen = read_params(ROOT / "params.yaml"), methods.find(method)
    params = parse_section(values[method] | {"num_train_epochs": 2} | changes, chosen.Params, method)
    settings = parse_section(values["train"] | {"batch_size": 2, "logging_steps": 1} | (train or {}), Train, "train")
    tokenizer = families.load_tokenizer(base)
    rows = [
        families.example(tokenizer(text)["input_ids"], tokenizer(text)["input_ids"][:5], 1, "seq2seq")
        for text in ("One.", "Two and three.", "Four, five, six and seven.", "Eight.")
    ]
    args = arguments(folder / "checkpoints", params, settings, precision, 1, len(rows))
    torch.manual_seed(1)
    network = families.load_model(base, "seq2seq").requires_grad_(False)
    network = chosen.adapt(network, tokenizer, params, "seq2seq", 1)
    watch = Watch(f"train {method}", folder / "curve", folder / "speed")
    companion = getattr(chosen, "Companion", methods.Companion)
    companion = companion(network, params, total_steps(params, settings, len(rows)))
    return Tuner(network, args, tokenizer, rows, rows[:2], "seq2seq", resource_monitor.Meter(), watch, companion)


def test_a_loss_that_is_not_finite_stops_the_training_with_a_message(tmp_path, seq2seq_base):
    with pytest.raises(
        InputError, match=r"the (validation )?loss became nan at step \d+: lower this method's learning_rate"
    ):
        tiny_tuner(seq2seq_base, tmp_path, learning_rate=1e30).train()


def test_a_training_that_diverges_leaves_no_model_and_exits_1(prepared, tmp_path):
    project = prepared.copy(tmp_path / "project")
    done = project.run("dvc", "exp", "run", "-S", "full.learning_rate=1e30", "train@full")
    assert done.returncode != 0
    assert re.search("error: the (validation )?loss became nan", done.stderr)
    assert not list((project.folder / "models").glob("full/*"))
    assert not (project.folder / "reports/runs/train/full.json").exists()


def test_accumulated_batches_train_like_one_batch(tmp_path, seq2seq_base):
    weights = []
    for size, accumulated in ((4, 1), (2, 2), (1, 4)):
        tuner = tiny_tuner(
            seq2seq_base, tmp_path / str(size), train={"batch_size": size, "gradient_accumulation_steps": accumulated}
        )
        tuner.train()
        weights.append(torch.cat([value.detach().flatten() for value in tuner.model.parameters()]))
    torch.testing.assert_close(weights[1], weights[0], rtol=0, atol=1e-4)
    torch.testing.assert_close(weights[2], weights[0], rtol=0, atol=1e-4)


def test_bf16_trains_fp32_masters(tmp_path, seq2seq_base):
    tuner = tiny_tuner(seq2seq_base, tmp_path, precision="bf16", learning_rate=0.01)
    tuner.train()
    first, *_, last = [entry["eval_loss"] for entry in tuner.state.log_history if "eval_loss" in entry]
    assert last < first
    assert {value.dtype for value in tuner.model.parameters()} == {torch.float32}


def test_the_best_checkpoint_is_kept_not_the_last(tmp_path, seq2seq_base):
    tuner = tiny_tuner(seq2seq_base, tmp_path, learning_rate=3.0, lr_scheduler_type="constant")
    tuner.train()
    losses = {entry["step"]: entry["eval_loss"] for entry in tuner.state.log_history if "eval_loss" in entry}
    best = min(losses, key=losses.get)
    assert best < max(losses), "the last was the best: this shows nothing"
    assert tuner.state.best_global_step == best
    assert tuner.evaluate()["eval_loss"] == pytest.approx(losses[best], rel=1e-4)


def left(tuner: Tuner) -> tuple[dict, dict]:
    """The trained weights and the ranks that a training ends with, and what it logged but for speeds."""
    config = tuner.model.peft_config["default"]
    weights = {name: value.tolist() for name, value in tuner.model.named_parameters() if value.requires_grad}
    logged = [
        {key: entry[key] for key in ("loss", "eval_loss", "grad_norm") if key in entry}
        for entry in tuner.state.log_history
    ]
    return weights | {"ranks": config.rank_pattern}, logged


@pytest.mark.parametrize("step", [2, 8, 14])
def test_adalora_resumes_to_the_same_bytes_in_each_of_its_phases(tmp_path, seq2seq_base, step):
    """Its checkpoints hold what its cuts depend on beside the weights; 16 steps, cuts from the 3rd to the 12th."""
    settings = {"train": {"evaluations": 8}, "num_train_epochs": 8, "tinit": 0.125, "tfinal": 0.25}
    whole = tiny_tuner(seq2seq_base, tmp_path, "adalora", **settings)
    whole.args.save_total_limit = None
    whole.train()
    resumed = tiny_tuner(seq2seq_base, tmp_path, "adalora", **settings)
    resumed.train(resume_from_checkpoint=str(tmp_path / f"checkpoints/checkpoint-{step}"))
    assert left(resumed) == left(whole)


@pytest.mark.parametrize(("learning_rate", "last"), [(0.01, True), (3.0, False)])
def test_adalora_keeps_the_ranks_of_its_best_checkpoint(tmp_path, seq2seq_base, learning_rate, last):
    schedule = {"lr_scheduler_type": "constant", "learning_rate": learning_rate}
    tuner = tiny_tuner(seq2seq_base, tmp_path, "adalora", num_train_epochs=10, **schedule)
    tuner.train()
    values = [value for name, value in tuner.model.named_parameters() if ".lora_E." in name]
    ranks = [sum(kept) for kept in tuner.model.peft_config["default"].rank_pattern.values()]
    assert ranks == [int((value != 0).sum()) for value in values]
    assert (tuner.state.best_global_step == 20) == last
    assert (sum(ranks) == 6 * len(ranks)) == last  # target_r, as a mean; before the last cut there are more
    train.save(tuner.model, tuner.processing_class, tmp_path / "saved")
    best = tuner.state.best_metric
    for merge in (True, False):
        tuner.model = families.load_tuned(seq2seq_base, tmp_path / "saved", "seq2seq", merge)
        assert tuner.evaluate()["eval_loss"] == pytest.approx(best, rel=1e-4)


def test_a_matrix_may_lose_all_of_its_rank(tmp_path, seq2seq_base, recwarn):
    tuner = tiny_tuner(seq2seq_base, tmp_path, "adalora", num_train_epochs=4)
    tuner.train()
    with torch.no_grad():
        for name, value in tuner.model.named_parameters():
            if ".lora_E." in name:
                value.copy_(torch.arange(9)[:, None] % 2 if ".q." in name else torch.zeros(9, 1))
    tuner.companion.restore({})
    loss = tuner.evaluate()["eval_loss"]
    train.save(tuner.model, tuner.processing_class, tmp_path / "saved")
    for merge in (True, False):
        tuner.model = families.load_tuned(seq2seq_base, tmp_path / "saved", "seq2seq", merge)
        assert tuner.evaluate()["eval_loss"] == pytest.approx(loss, rel=1e-5)
    assert not [one for one in recwarn if "rank" in str(one.message) or "shape" in str(one.message)]


def test_adaloras_penalty_is_pefts_own_and_is_not_in_the_curve(tmp_path, seq2seq_base):
    tuner = tiny_tuner(seq2seq_base, tmp_path, "adalora", orth_reg_weight=0.3)
    batch = next(iter(tuner.get_train_dataloader()))
    total, labels = families.loss(tuner.model, batch, "seq2seq")
    penalty = tuner.companion.penalty()
    torch.testing.assert_close(tuner.model(**batch).loss, total / labels + penalty)
    assert penalty > 0.1
    tuner.current_gradient_accumulation_steps = 2
    loss = tuner.compute_loss(tuner.model, batch)
    assert loss.item() == (total / labels).item()
    trained = [value for value in tuner.model.parameters() if value.requires_grad]
    found = torch.autograd.grad(loss, trained)
    wanted = torch.autograd.grad(total / labels + penalty / 2, trained)
    torch.testing.assert_close(found, wanted)


def test_an_adalora_without_steps_to_cut_in_is_refused(tmp_path, seq2seq_base):
    with pytest.raises(InputError, match=r"^adalora: 2 steps, of which"):
        tiny_tuner(seq2seq_base, tmp_path, "adalora", num_train_epochs=1, tfinal=0.5)
    with pytest.raises(InputError, match=r"^adalora: target_r=9 must be below init_r=9"):
        tiny_tuner(seq2seq_base, tmp_path, "adalora", target_r=9)
    with pytest.raises(InputError, match=r"^adalora: tinit=0\.5 and tfinal=0\.5 are shares"):
        tiny_tuner(seq2seq_base, tmp_path, "adalora", tinit=0.5, tfinal=0.5)


def test_validation_and_training_have_clocks_of_their_own(tmp_path, seq2seq_base):
    tuner = tiny_tuner(seq2seq_base, tmp_path)
    begin = time.perf_counter()
    with tuner.clock.phase("train"):
        tuner.train()
    passed = time.perf_counter() - begin
    seconds = tuner.clock.seconds
    assert set(seconds) == {"train", "validation", "checkpoint"}
    assert all(value > 0 for value in seconds.values())
    assert sum(seconds.values()) == pytest.approx(passed, abs=0.05)


def test_the_loss_curve_holds_training_and_validation(tmp_path, seq2seq_base):
    tuner = tiny_tuner(seq2seq_base, tmp_path)
    tuner.train()
    lines = (tmp_path / "curve/plots/metrics/train/loss.tsv").read_text().splitlines()
    assert lines[0] == "step\tloss"
    assert [int(line.split("\t")[0]) for line in lines[1:]] == [1, 2, 3, 4]
    assert json.loads((tmp_path / "curve/metrics.json").read_text())["validation"]["loss"] > 0


def test_speed_and_time_left_are_logged_beside_the_curve(tmp_path, seq2seq_base, capsys):
    tuner = tiny_tuner(seq2seq_base, tmp_path)
    with tuner.clock.phase("train"):
        tuner.train()
    speed = tmp_path / "speed/plots/metrics"
    rates = [float(line.split("\t")[1]) for line in (speed / "tokens_per_second.tsv").read_text().splitlines()[1:]]
    left = [float(line.split("\t")[1]) for line in (speed / "seconds_left.tsv").read_text().splitlines()[1:]]
    assert len(rates) == 4
    assert sum(rate > 0 for rate in rates) == 4
    assert left[-1] == 0
    tokens = tuner.args.num_train_epochs * sum(families.real_tokens(row, "seq2seq") for row in tuner.train_dataset)
    assert min(rates) * tuner.clock.seconds["train"] <= tokens <= max(rates) * tuner.clock.seconds["train"]
    (first, *_, last) = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"train full: step 1/4, epoch .*: loss [\d.]+, .* tokens/s, \d+ s left", first)
    assert "validation loss" in last


def test_durations_read_as_people_say_them():
    assert [duration(seconds) for seconds in (0.4, 42, 200, 7500)] == ["0 s", "42 s", "3 min", "2 h 5 min"]


def test_batches_are_of_similar_lengths_and_an_epoch_repeats_itself():
    lengths = [(37 * number) % 211 for number in range(400)]
    sampler = LengthGrouped(lengths, 8, seed=3)
    first = list(sampler)
    assert sorted(first) == list(range(400))
    assert list(sampler) == first
    sampler.epoch = 1
    assert list(sampler) != first
    padded = sum(8 * max(lengths[i] for i in first[at : at + 8]) for at in range(0, 400, 8))
    assert padded / sum(lengths) < 1.1


def test_each_method_trains_what_it_says_and_freezes_the_rest(seq2seq_base):
    tokenizer = families.load_tokenizer(seq2seq_base)
    values = read_params(ROOT / "params.yaml")

    def trained(method: str, **changes) -> dict[str, torch.Size]:
        chosen = methods.find(method)
        network = families.load_model(seq2seq_base, "seq2seq").requires_grad_(False)
        params = parse_section(values[method] | changes, chosen.Params, method)
        network = chosen.adapt(network, tokenizer, params, "seq2seq", 1)
        return {name: value.shape for name, value in network.named_parameters() if value.requires_grad}

    assert len(trained("full")) == len(list(families.load_model(seq2seq_base, "seq2seq").parameters()))
    lora = trained("lora", target_modules=None)
    assert all(".q.lora_" in name or ".v.lora_" in name for name in lora)
    assert len(lora) == 2 * 2 * (2 + 2 * 2)  # A and B, q and v, 2 encoder and 2 x 2 decoder attentions
    assert len(trained("lora")) == 2 * (4 * (2 + 2 * 2) + 3 * (2 + 2))  # every linear layer but the output's
    (shape,) = trained("prompt_tuning").values()
    assert shape == (values["prompt_tuning"]["num_virtual_tokens"], 32)


WIDTH, KEYS = 32, 16  # of the tiny models, the latter of two key heads; the feed-forward layers are twice as wide
LAYERS = {
    "seq2seq": [(WIDTH, WIDTH)] * 4 * (2 + 2 * 2) + [(WIDTH, 64), (WIDTH, 64), (64, WIDTH)] * (2 + 2),
    "causal": ([(WIDTH, WIDTH), (WIDTH, KEYS)] * 2 + [(WIDTH, 64), (WIDTH, 64), (64, WIDTH)]) * 2,
}


@pytest.mark.parametrize(
    ("method", "seq2seq", "causal"),
    [
        ("ia3", 2 * WIDTH * (2 + 2 * 2) + 64 * (2 + 2), (2 * KEYS + 64) * 2),
        ("ln_tuning", WIDTH * (2 * 2 + 1 + 3 * 2 + 1), WIDTH * (2 * 2 + 1)),
        ("dora", *(sum(6 * (ins + outs) + outs for ins, outs in LAYERS[arch]) for arch in LAYERS)),
        ("adalora", *(sum(9 * (ins + 1 + outs) for ins, outs in LAYERS[arch]) for arch in LAYERS)),
        ("prefix_tuning", 20 * 2 * 2 * WIDTH, 20 * 2 * 2 * KEYS),
        ("p_tuning", *[20 * WIDTH + (WIDTH + 1) * 128 + 129 * 128 + 129 * WIDTH] * 2),
    ],
)
def test_the_trained_parameters_of_further_methods_are_as_many_as_papers_say(request, method, seq2seq, causal):
    for arch, expected in (("seq2seq", seq2seq), ("causal", causal)):
        base, chosen = request.getfixturevalue(f"{arch}_base"), methods.find(method)
        params = parse_section(read_params(ROOT / "params.yaml")[method], chosen.Params, method)
        network = families.load_model(base, arch).requires_grad_(False)
        network = chosen.adapt(network, families.load_tokenizer(base), params, arch, 1)
        assert sum(value.numel() for value in network.parameters() if value.requires_grad) == expected


@pytest.mark.parametrize("heads", [6, 3])
def test_a_prefix_fits_a_decoder_that_is_not_shaped_as_its_encoder(heads):
    """FLAN-T5-small has six heads of 64 in a model 512 wide; PEFT by itself would take 512 / 6."""
    torch.manual_seed(0)
    sizes = {"d_model": 32, "d_kv": 8, "num_heads": heads, "num_layers": 3, "num_decoder_layers": 1, "d_ff": 16}
    config = T5Config(**sizes, vocab_size=50, decoder_start_token_id=0)
    chosen = methods.find("prefix_tuning")
    params = read_params(ROOT / "params.yaml")["prefix_tuning"] | {"init_weights": None}
    params = parse_section(params, chosen.Params, "prefix_tuning")
    model = T5ForConditionalGeneration(config).eval()
    token = torch.tensor([[5, 6, 1]])
    before = model(input_ids=token, decoder_input_ids=token).logits
    network = chosen.adapt(model.requires_grad_(False), None, params, "seq2seq", 1).eval()
    assert network.prompt_encoder["default"].embedding.weight.shape == (20, 2 * heads * 8)
    after = network(input_ids=token, decoder_input_ids=token, use_cache=False).logits
    assert after.shape == before.shape
    assert (after - before).abs().max() > 1e-3


@pytest.mark.parametrize("init", ["text", "vocabulary"])
def test_a_soft_prompt_begins_as_embeddings_of_real_tokens(causal_base, init):
    tokenizer = families.load_tokenizer(causal_base)
    chosen = methods.find("prompt_tuning")
    values = read_params(ROOT / "params.yaml")["prompt_tuning"] | {"init": init}
    params = parse_section(values, chosen.Params, "prompt_tuning")
    network = families.load_model(causal_base, "causal")
    embeddings = network.get_input_embeddings().weight.detach().clone()
    tuned = chosen.adapt(network.requires_grad_(False), tokenizer, params, "causal", 1)
    soft = tuned.get_prompt(1)[0]
    tokens = chosen.init_tokens(tokenizer, params, len(embeddings), 1)
    torch.testing.assert_close(soft, embeddings[torch.tensor(tokens)])


def test_few_shot_examples_are_drawn_by_the_seed():
    few_shot = methods.find("few_shot")
    prompts = [{"id": number} for number in range(50)]
    drawn = few_shot.demonstrations(prompts, few_shot.Params(k=3), 1)
    assert drawn == few_shot.demonstrations(prompts, few_shot.Params(k=3), 1)
    assert drawn != few_shot.demonstrations(prompts, few_shot.Params(k=3), 2)
    with pytest.raises(InputError, match=r"few_shot\.k=3, but train has 2"):
        few_shot.demonstrations(prompts[:2], few_shot.Params(k=3), 1)


@pytest.mark.parametrize("method", ["lora", "dora", "adalora", "ia3", "ln_tuning"])
def test_an_unknown_target_module_is_refused_by_its_key(seq2seq_base, method):
    chosen = methods.find(method)
    values = read_params(ROOT / "params.yaml")[method] | {"target_modules": ["nothing"]}
    network = families.load_model(seq2seq_base, "seq2seq")
    with pytest.raises(InputError, match=rf"^{method}\.target_modules: "):
        chosen.adapt(network, None, parse_section(values, chosen.Params, method), "seq2seq", 1)
