import pytest
import torch
from transformers import BartConfig, BartForConditionalGeneration, GenerationConfig

from pipeline.methods import prompt_tuning
from pipeline.models import families

TEXTS = [("A: Hi.", "They greet."), ("A: Where is my parcel?\nB: It comes on Friday.", "Late."), ("B: No.", "No")]
SOFT = prompt_tuning.Params(
    learning_rate=0.3,
    num_train_epochs=1,
    optim="adafactor",
    lr_scheduler_type="constant",
    warmup_steps=0,
    weight_decay=0,
    num_virtual_tokens=5,
    init="vocabulary",
    init_text="x",
)


@pytest.fixture(params=["seq2seq", "causal"])
def arch(request):
    return request.param


@pytest.fixture
def base(arch, seq2seq_base, causal_base):
    return {"seq2seq": seq2seq_base, "causal": causal_base}[arch]


@pytest.fixture
def tokenizer(base):
    return families.load_tokenizer(base)


@pytest.fixture
def model(base, arch):
    return families.load_model(base, arch).eval()


def examples(tokenizer, arch):
    made = []
    for prompt, text in TEXTS:
        source = tokenizer(prompt, add_special_tokens=arch == "seq2seq")["input_ids"]
        target = tokenizer(text, add_special_tokens=False)["input_ids"]
        made.append(families.example(source, target, tokenizer.eos_token_id, arch))
    return made


@pytest.mark.parametrize("virtual_tokens", [0, SOFT.num_virtual_tokens])
def test_the_loss_of_a_padded_batch_is_that_of_its_examples_one_by_one(tokenizer, model, arch, virtual_tokens):
    if virtual_tokens:
        model = prompt_tuning.adapt(model, tokenizer, SOFT, arch, 1).eval()
    collate = families.collator(tokenizer, model, arch)
    rows = examples(tokenizer, arch)
    together, labels = families.loss(model, collate(rows), arch)
    single = [families.loss(model, collate([row]), arch) for row in rows]
    assert [count.item() for _, count in single] == [sum(i != -100 for i in row["labels"]) for row in rows]
    assert labels == sum(count for _, count in single)
    torch.testing.assert_close(together, sum(total for total, _ in single), rtol=1e-5, atol=1e-4)
    sums, counts = families.log_likelihoods(model, collate(rows), arch)
    torch.testing.assert_close(-sums, torch.stack([total for total, _ in single]), rtol=1e-5, atol=1e-4)
    assert counts.tolist() == [count for _, count in single]


@pytest.mark.parametrize("virtual_tokens", [0, SOFT.num_virtual_tokens])
def test_the_loss_is_the_models_own(tokenizer, model, arch, virtual_tokens):
    if virtual_tokens:
        model = prompt_tuning.adapt(model, tokenizer, SOFT, arch, 1).eval()
    batch = families.collator(tokenizer, model, arch)(examples(tokenizer, arch))
    total, labels = families.loss(model, batch, arch)
    torch.testing.assert_close(total / labels, model(**batch).loss, rtol=1e-5, atol=1e-5)


def test_gradients_are_those_of_the_models_own_loss(tokenizer, model, arch):
    batch = families.collator(tokenizer, model, arch)(examples(tokenizer, arch))
    weight = model.get_input_embeddings().weight
    total, labels = families.loss(model, batch, arch)
    (ours,) = torch.autograd.grad(total / labels, weight)
    (theirs,) = torch.autograd.grad(model(**batch).loss, weight)
    assert theirs.abs().max() > 1e-3
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_pads_are_outside_the_labels_and_the_attention_mask(tokenizer, model, arch):
    rows = examples(tokenizer, arch)
    batch = families.collator(tokenizer, model, arch)(rows)
    for number, row in enumerate(rows):
        for key in ("input_ids", "labels"):
            assert batch[key][number, : len(row[key])].tolist() == row[key]
        assert batch["attention_mask"][number].sum() == len(row["input_ids"])
        assert batch["attention_mask"][number, : len(row["input_ids"])].all()
        assert set(batch["labels"][number, len(row["labels"]) :].tolist()) <= {families.IGNORED}
    assert (batch["attention_mask"] == 0).any()


def test_the_end_label_survives_padding_with_the_end_token(causal_base):
    tokenizer = families.load_tokenizer(causal_base)
    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    batch = families.collator(tokenizer, None, "causal")(examples(tokenizer, "causal"))
    assert (batch["labels"] == tokenizer.eos_token_id).sum(1).tolist() == [1, 1, 1]
    ends = (batch["labels"] == tokenizer.eos_token_id) & (batch["attention_mask"] == 1)
    assert ends.sum(1).tolist() == [1, 1, 1]


@pytest.mark.parametrize("kind", ["t5", "bart"])
def test_beams_that_share_their_cross_attention_write_what_copied_ones_do(seq2seq_base, kind):
    tokenizer, network = families.load_tokenizer(seq2seq_base), families.load_model(seq2seq_base, "seq2seq").eval()
    if kind == "bart":
        torch.manual_seed(0)
        sizes = {"d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32}
        heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "vocab_size": len(tokenizer)}
        network = BartForConditionalGeneration(BartConfig(**sizes, **heads, init_std=1.0, bos_token_id=0)).eval()
    batch = tokenizer([prompt for prompt, _ in TEXTS], padding=True, return_tensors="pt")
    config = GenerationConfig(
        num_beams=4,
        max_new_tokens=12,
        length_penalty=2.0,
        no_repeat_ngram_size=2,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
    )
    told = families.generate(network, batch, config, "seq2seq")
    assert told.tolist() == network.generate(**batch, generation_config=config)[:, 1:].tolist()
    assert len(set(told[1].tolist())) > 2


def test_a_tokenizer_without_a_pad_token_pads_with_the_end_token(tmp_path, causal_base):
    tokenizer = families.load_tokenizer(causal_base)
    tokenizer.pad_token = None
    tokenizer.save_pretrained(tmp_path)
    assert families.load_tokenizer(tmp_path).pad_token_id == tokenizer.eos_token_id


def test_a_causal_prompt_is_no_label_and_a_seq2seq_prompt_is_all_input():
    assert families.example([5, 6], [7], 1, "causal") == {"input_ids": [5, 6, 7, 1], "labels": [-100, -100, 7, 1]}
    assert families.example([5, 6, 1], [7], 1, "seq2seq") == {"input_ids": [5, 6, 1], "labels": [7, 1]}


def test_real_tokens_are_those_the_model_computes_over(arch):
    row = families.example([5, 6, 7], [8], 1, arch)
    assert families.real_tokens(row, arch) == 5


def test_weights_are_loaded_as_fp32(tmp_path, model, arch):
    model.to(torch.bfloat16).save_pretrained(tmp_path)
    loaded = families.load_model(tmp_path, arch)
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}


def test_generating_gives_the_new_tokens_alone(tokenizer, model, arch):
    tokenizer.padding_side = families.generation_padding(arch)
    batch = tokenizer([prompt for prompt, _ in TEXTS], padding=True, return_tensors="pt")
    config = GenerationConfig(max_new_tokens=3, min_new_tokens=3, do_sample=False, pad_token_id=0, eos_token_id=1)
    assert families.generate(model, batch, config, arch).shape == (3, 3)
    if arch == "causal":
        assert batch["attention_mask"][:, -1].all()  # no pads between a prompt and what follows it
