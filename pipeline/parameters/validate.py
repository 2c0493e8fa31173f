"""`validate`: how the outputs are written by which settings are chosen."""

from pipeline.core.params import section
from pipeline.parameters.types import Few


@section
class Validate:
    """num_beams: those of generate, for these outputs alone."""

    num_beams: Few
