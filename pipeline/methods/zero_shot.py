"""Zero-shot: the base model as it is. A method like the others, so that the baseline takes the same path."""

from pipeline.methods.base import section


@section
class Params:
    pass
