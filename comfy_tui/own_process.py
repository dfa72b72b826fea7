"""Starting a module of ours as a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

#: Where the package lies goes last, so that nothing beside it is taken for a library.
_RUN = (
    "import runpy, sys; sys.path.append(sys.argv.pop(1)); name = sys.argv.pop(1); "
    "runpy.run_module(name, run_name='__main__', alter_sys=True)"
)


def module_command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module; unlike ``python -m`` it runs nothing of the working folder."""
    root = str(Path(__file__).parent.parent)
    return [sys.executable, "-P", "-c", _RUN, root, module, *arguments]
