"""Textual's bindings, made from the table of keys."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from textual.binding import Binding

from comfy_tui.key_name import textual_key
from comfy_tui.keymap import SPARE, keys_of


def bindings(*areas: str, leave_out: Collection[str] = ()) -> list[Binding]:
    """The bindings of the areas, for ``BINDINGS`` of an app, a screen or a widget.

    Args:
        areas: as in :data:`comfy_tui.keymap.AREAS`.
        leave_out: ids that the class has no action for.
    """
    return [
        Binding(
            ",".join(textual_key(key) for key in known.keys),
            known.action,
            known.label,
            show=known.show or known.id in SPARE,
            tooltip=known.help,
            id=known.id,
        )
        for area in areas
        for known in keys_of(area)
        if known.id not in leave_out
    ]


def help_binding() -> Binding:
    """The key of the help for a dialog: the app's own keys do not reach it."""
    (known,) = (binding for binding in bindings("app") if binding.id == "app.help")
    return replace(known, action="app.show_help")
