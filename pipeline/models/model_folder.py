"""What of a person's folder is the model: its configuration, its tokenizer, and the weights that belong to it."""

import json
import shutil
from pathlib import Path
from typing import Any

from pipeline.core.errors import InputError
from pipeline.core.messages import first_line

INDEX = "model.safetensors.index.json"
# Beside the weights: configuration, generation's tokens, tokenizers of all kinds, chat templates.
COPIED = ("*.json", "*.model", "*.txt", "*.jinja", "*.tiktoken")
# Not the model's own: transformers would load the adapter too, and the notes of a training or a download are no part.
LEFT_OUT = ("adapter_*", "*.index.json", "source.json", "trainer_state.json", "training_args.json")
# Of a configuration: code, kernels that transformers would look for elsewhere, and what a network returns.
DROPPED = (
    *("auto_map", "attn_implementation", "_attn_implementation", "experts_implementation"),
    *("return_dict", "output_attentions", "output_hidden_states"),
)
QUANTIZED = (
    "a quantized checkpoint, which can't be trained whole; use the model's own weights (quantized ones are not "
    "supported yet)"
)
FLOATS = {"F64", "F32", "F16", "BF16"}
LAYERS = 1000  # more than models have; building so many takes seconds
TOKENIZER = ("tokenizer.json", "*.model", "vocab.*", "tokenizer_config.json", "*.tiktoken")


def copy_model(source: Path, base: Path) -> None:
    """Copy a model's files. Raises InputError for a folder that holds none, or one that can't be read or trained."""
    config = read_config(source)
    if config.get("quantization_config") or config.get("compression_config"):
        raise InputError(f"{source}: {QUANTIZED}")
    weights = weight_files(source)
    check_layers(source / "config.json", config, sum(map(count_tensors, weights)))
    if not any(file for pattern in TOKENIZER for file in source.glob(pattern)):
        raise InputError(
            f"{source}: no tokenizer beside the weights (tokenizer.json, *.model or vocab.*): "
            "save it there with tokenizer.save_pretrained"
        )
    left_out = {file for pattern in LEFT_OUT for file in source.glob(pattern)}
    kept = {file for pattern in COPIED for file in source.glob(pattern)} - left_out
    for file in sorted(kept):
        if file.suffix == ".json":
            read_json(file)
    base.mkdir(parents=True, exist_ok=True)
    for file in sorted({*kept, *weights}):
        shutil.copyfile(file, base / file.name)
    if len(weights) > 1:
        shutil.copyfile(source / INDEX, base / INDEX)
    if (without := without_dropped(config)) != config:
        (base / "config.json").write_text(json.dumps(without, indent=2) + "\n", encoding="utf-8")


def without_dropped(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration without `DROPPED`, in its parts too."""
    return {
        key: without_dropped(value) if isinstance(value, dict) else value
        for key, value in config.items()
        if key not in DROPPED
    }


def check_layers(path: Path, config: dict[str, Any], tensors: int) -> None:
    """Raise InputError for more layers or experts than there are tensors: to build them would take for ever."""
    for key, value in config.items():
        if isinstance(value, dict):
            check_layers(path, value, tensors)
        elif ("layer" in key or "expert" in key) and isinstance(value, int) and value > max(LAYERS, tensors):
            raise InputError(f"{path}: {key} is {value:,}, too many for weights of {tensors:,} tensors")


def read_config(source: Path) -> dict[str, Any]:
    """A folder's config.json."""
    path = source / "config.json"
    if not path.is_file():
        if (source / "adapter_config.json").is_file():
            raise InputError(
                f"{source}: an adapter without its base; merge it into the base (merge_and_unload), save that with its "
                "tokenizer (save_pretrained), and name the new folder"
            )
        raise InputError(f"{source}: no config.json; expected a Hugging Face model folder")
    config = read_json(path)
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise InputError(f"{path}: no model_type; expected the configuration of a transformers model")
    return config


def read_json(path: Path) -> Any:
    """What a JSON file holds."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON: {first_line(error)}") from None


def weight_files(source: Path) -> list[Path]:
    """The safetensors that transformers would load: model.safetensors, or the parts that the index names."""
    index, single = source / INDEX, source / "model.safetensors"
    if single.is_file() and not index.is_file():
        files = [single]
    elif index.is_file():
        files = [source / name for name in _names_in_index(index)]
        if missing := [file.name for file in files if not file.is_file()]:
            raise InputError(f"{source}: the index names {', '.join(missing)}, not there: a partial download?")
    else:
        raise InputError(f"{source}: no model.safetensors{_instead(source)}")
    for file in files:
        check_safetensors(file)
    return files


def _names_in_index(index: Path) -> list[str]:
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{index}: no weight_map: a partial download?") from None
    if outside := [name for name in names if not isinstance(name, str) or Path(name).name != name]:
        raise InputError(f"{index}: names {outside[0]!r}, which is no file of this folder")
    return names


def _instead(source: Path) -> str:
    """What of the weights is there, for a message."""
    pickles = sorted(path.name for path in source.iterdir() if path.suffix in (".bin", ".pt", ".pth", ".ckpt", ".pkl"))
    others = sorted(path.name for path in source.glob("*.safetensors") if not path.name.startswith("adapter_"))
    if pickles:
        return (
            f"; {', '.join(pickles[:3])} may run code and is not read: save the model again with "
            "save_pretrained, which writes safetensors"
        )
    return f"; {', '.join(others[:3])} is not a name that transformers loads" if others else ""


def check_safetensors(path: Path) -> None:
    """Raise InputError for a file that is cut short, no safetensors, or of quantized weights."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as weights:
            kinds = {weights.get_slice(name).get_dtype() for name in weights.keys() if name.endswith("weight")}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: broken safetensors ({error}): a partial download?") from None
    if other := sorted(kinds - FLOATS):
        raise InputError(f"{path}: weights of type {', '.join(other)}: {QUANTIZED}")


def count_tensors(path: Path) -> int:
    """How many tensors a safetensors file has."""
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as weights:
        return len(weights.keys())
