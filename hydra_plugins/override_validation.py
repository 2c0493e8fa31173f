"""The door of `dvc exp run`: values are checked as soon as Hydra has composed them, before anything is queued or run.

DVC imports this folder's plugins right before it composes conf/ (dvc.utils.hydra.load_hydra_plugins). Hydra has no hook
after a composition, for its callbacks are those of @hydra.main; so the function that composes is wrapped.
"""

import gc
import sys
from pathlib import Path

from hydra._internal.config_loader_impl import ConfigLoaderImpl

sys.path.insert(0, str(Path(__file__).parent.parent))  # this checkout's code, also in a worktree with another's .venv
try:
    from pipeline.experiments.dvc_experiments import override_validation
finally:
    del sys.path[0]

# DVC makes millions of objects; with no collection at all a no-op `dvc exp run` took 3.4 and not 3.7 s.
gc.set_threshold(100_000, 50, 100)
ConfigLoaderImpl.load_configuration = override_validation.guard(ConfigLoaderImpl.load_configuration)
