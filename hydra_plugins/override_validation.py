"""Checks the overrides of `dvc exp run` before anything is queued or run.

DVC imports this folder's plugins right before it composes conf/ (dvc.utils.hydra.load_hydra_plugins). Hydra has no hook
after a composition, because its callbacks are those of @hydra.main. So the function that composes is wrapped. Other
programs that compose conf/ find this folder too, and nothing happens.
"""

import gc
import sys
from pathlib import Path

if "dvc.utils.hydra" in sys.modules:
    from hydra._internal.config_loader_impl import ConfigLoaderImpl

    # This checkout's code, also in a git worktree with another one's environment.
    sys.path.insert(0, str(Path(__file__).parent.parent))
    try:
        from pipeline.experiments import override_validation
    finally:
        del sys.path[0]

    # DVC makes millions of objects: without garbage collection a no-op `dvc exp run` took 3.4 s and not 3.7 s.
    gc.set_threshold(100_000, 50, 100)
    ConfigLoaderImpl.load_configuration = override_validation.guard(ConfigLoaderImpl.load_configuration)
