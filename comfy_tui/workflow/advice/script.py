"""All advice as one shell script."""

from __future__ import annotations

from collections.abc import Iterable

from comfy_tui.text import clean
from comfy_tui.workflow.advice.types import Advice, AdviceKind

_HEAD = """#!/bin/sh
# Made by comfy-tui: what a workflow needs. Read it before you run it.
# Run it in the folder of ComfyUI, on the server's machine. Lines that begin with # do nothing.
"""
_RESTARTS = (AdviceKind.INSTALL_PACK, AdviceKind.UPDATE_PACK, AdviceKind.UPDATE_COMFYUI)
_MOST_NODES = 5


def as_script(advices: Iterable[Advice]) -> str:
    """A script that does everything that can be done by commands, with comments for the rest.

    Of several ways the first is active and the others are comments. Nothing is active where there is
    doubt, or where the server has the same file already.
    """
    known = list(advices)
    parts = [_HEAD]
    parts += [_part(advice) for advice in known]
    if any(advice.kind in _RESTARTS and advice.commands for advice in known):
        parts.append("# Restart ComfyUI now, and look at its log for packs that failed to load.\n")
    return "\n".join(parts)


def _part(advice: Advice) -> str:
    lines = [f"# {clean(advice.message, 1000)}"]
    if advice.nodes:
        more = len(advice.nodes) - _MOST_NODES
        shown = ", ".join(clean(node, 60) for node in advice.nodes[:_MOST_NODES])
        lines.append(f"# For node {shown}{f' and {more} more' if more > 0 else ''}. By: {advice.origin}.")
    if advice.link:
        lines.append(f"# {clean(advice.link, 2000)}")
    if advice.sha256:
        lines.append(f"# sha256: {clean(advice.sha256, 100)}")
    active = not advice.doubt and advice.kind is not AdviceKind.CHOOSE_MODEL
    if advice.doubt and advice.commands:
        lines.append(f"# Look first: {clean(advice.doubt)}. Then remove the # before the command.")
    for number, command in enumerate(advice.commands):
        lines.append(command if active and number == 0 else f"# {command}")
    return "\n".join(lines) + "\n"
