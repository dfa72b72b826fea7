"""Asks tmux what it knows: of the terminal around it, and whether it lets pictures through."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

from comfy_tui.terminal.facts import Tmux

_TIMEOUT_S = 2.0
_FORMAT = "#{version}\t#{client_termname}\t#{client_termtype}\t#{client_termfeatures}\t#{client_utf8}"
#: The one that older versions do not know is last: tmux stops there.
_COMMAND = (
    *("tmux", "display-message", "-p", _FORMAT, ";"),
    *("show-options", "-gv", "set-clipboard", ";"),
    *("show-options", "-Apv", "allow-passthrough"),
)


def ask_tmux(environ: Mapping[str, str]) -> Tmux:
    """What tmux says; empty where it does not answer.  Blocks: some milliseconds, two seconds at most."""
    try:
        done = subprocess.run(
            _COMMAND,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
            check=False,
            env=dict(environ),
        )
    except (OSError, subprocess.SubprocessError):
        return Tmux()
    return understood(done.stdout.decode("utf-8", "replace"))


def understood(output: str) -> Tmux:
    """The facts in tmux's words."""
    lines = [*output.split("\n"), "", "", ""]
    version, term, kind, features, utf8 = (*lines[0].split("\t"), "", "", "", "", "")[:5]
    return Tmux(
        version=version.strip(),
        passthrough=lines[2].strip(),
        clipboard=lines[1].strip(),
        outer_term=term.strip(),
        outer_type=kind.strip(),
        utf8=utf8.strip() != "0",
        outer_features=tuple(word for word in features.strip().split(",") if word),
    )
