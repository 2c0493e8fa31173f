"""The command `dvc` of this project's environment: DVC, with the two things that it has no hook for.

Before it parses the overrides of `dvc exp run`, values that Hydra's grammar does not read are quoted or explained; and
after a failure, what a crash or a missing repository left is explained. Installed over DVC's own script, which does the
same as this where the project is another.
"""

import sys
from pathlib import Path
from types import ModuleType

DOOR = "pipeline/experiments/dvc_door.py"


def find_door() -> ModuleType | None:
    """The checkout's own code for this, where the working folder is in a checkout that has it."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / DOOR).is_file() and (folder / ".dvc").is_dir():
            sys.path.insert(0, str(folder))
            try:
                from pipeline.experiments import dvc_door
            finally:
                del sys.path[0]
            return dvc_door
    return None


def main() -> int:
    from dvc.cli import main as dvc

    door = find_door()
    if door:
        sys.argv[1:] = door.before(sys.argv[1:])
    code = dvc()
    if door and code:
        door.after(sys.argv[1:])
    return code


if __name__ == "__main__":
    sys.exit(main())
