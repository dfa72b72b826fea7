"""Keys that were pressed before the focus had moved into a field belong to the field.

Over a slow line ``/`` and the words behind it come in one packet: Textual hands all of them to the list
that had the focus, and they come back to the app, as its own keys, when the field has it.
"""

from __future__ import annotations

from textual.events import Key
from textual.widget import Widget
from textual.widgets import Input


def take_typed_ahead(event: Key, focused: Widget | None) -> bool:
    """Give a character that nobody has used to the field that has the focus; returns whether it took it.

    A field uses every character itself, so one that bubbles up to the app was meant for it and sent to
    another widget.
    """
    if not isinstance(focused, Input) or event.character is None or not event.is_printable:
        return False
    focused.insert_text_at_cursor(event.character)
    return True
