"""`tokenize`: the lengths of prompts and outputs in tokens."""

from pipeline.core.params import section
from pipeline.parameters.types import CountOrAuto


@section
class Tokenize:
    """Limits in tokens; an output's includes its end token. auto: what the data needs (pipeline/models/limits.py)."""

    max_source_tokens: CountOrAuto
    max_target_tokens: CountOrAuto

    def __post_init__(self) -> None:
        for name, least in (("max_source_tokens", 16), ("max_target_tokens", 2)):
            if isinstance(value := getattr(self, name), int) and value < least:
                raise ValueError(f"{name}={value}: should be at least {least}, or auto")
