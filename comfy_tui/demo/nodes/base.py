"""What a node of the demo server is: its definition for ``/object_info``, and a function that runs it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from PIL import Image

if TYPE_CHECKING:
    from ..folders import Folders
    from ..memory import Memory

Spec = list[Any]


class Interrupted(Exception):
    """Somebody asked the running prompt to stop."""


class Stopping(BaseException):
    """The server goes away while a node runs; nothing is reported."""


class Context(Protocol):
    """What a running node may ask of the server."""

    folders: Folders
    memory: Memory
    prompt: dict[str, Any]
    extra_pnginfo: dict[str, Any]

    def progress(self, value: int, maximum: int, preview: Image.Image | None = None) -> None:
        """Report a step; raises :class:`Interrupted` if somebody asked for it."""

    def bar(self, value: int, maximum: int) -> None:
        """Draw a bar in the server's log, as samplers do."""

    def sleep(self, seconds: float) -> None:
        """Take time, divided by the speed of the server. Does not notice interruptions, like a GPU."""

    def hang(self, *, ignore_interrupt: bool) -> None:
        """Do not come back until interrupted, or never."""

    def send_text(self, text: str) -> None:
        """Show a text on the node, on every socket."""


@dataclass(frozen=True)
class Listing:
    """A choice whose options are read when asked for: a model folder, or ``"input"`` for pictures."""

    folder: str
    always: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """What a node gives: values for its outputs, and what the user interface shows."""

    values: tuple[Any, ...] = ()
    ui: dict[str, Any] | None = None


class Listings(Protocol):
    """Who knows the options of a :class:`Listing`, and which nodes are loaded."""

    def has_node(self, name: str) -> bool:
        """Whether the server has a class now."""

    def names(self, folder: str) -> list[str]:
        """The options now."""


@dataclass(frozen=True)
class NodeType:
    """One class of nodes."""

    name: str
    display_name: str | None
    category: str
    run: Callable[[Context, dict[str, Any]], Result]
    required: dict[str, Spec] = field(default_factory=dict)
    optional: dict[str, Spec] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    output_names: tuple[str, ...] = ()
    output_node: bool = False
    saves: bool = False
    module: str = "nodes"
    v3: bool = False
    simulated: bool = False
    deprecated: bool = False
    description: str = ""
    aliases: tuple[str, ...] = ()
    #: Text if the value is not acceptable; for the inputs named in ``validates``.
    validate: Callable[[Listings, Folders, dict[str, Any]], str | None] | None = None
    validates: tuple[str, ...] = ()
    #: Changes when the node has to run again although its inputs are the same.
    fingerprint: Callable[[Folders, dict[str, Any]], str] | None = None

    def inputs(self, listings: Listings) -> dict[str, tuple[bool, Spec]]:
        """Declared inputs by name: whether required, and the spec with its options filled in."""
        found = {name: (True, _resolve(spec, listings)) for name, spec in self.required.items()}
        found.update({name: (False, _resolve(spec, listings)) for name, spec in self.optional.items()})
        return found

    def outputs_of(self, *, legacy: bool) -> tuple[str, ...]:
        """The output types; the output nodes of old versions pass nothing on."""
        return () if legacy and self.output_node else self.outputs

    def definition(self, listings: Listings, *, legacy: bool, dress: Callable[[str], str]) -> dict[str, Any]:
        """The entry of ``/object_info``."""
        sections: dict[str, dict[str, Any]] = {
            "required": {name: _resolve(spec, listings) for name, spec in self.required.items()}
        }
        if self.optional:
            sections["optional"] = {name: _resolve(spec, listings) for name, spec in self.optional.items()}
        if self.saves:
            sections["hidden"] = {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}
        for spec in (*sections["required"].values(), *sections.get("optional", {}).values()):
            if len(spec) > 1 and "tooltip" in spec[1]:
                spec[1]["tooltip"] = dress(spec[1]["tooltip"])
            if legacy and len(spec) > 1:
                spec[1].pop("advanced", None)
        outputs = self.outputs_of(legacy=legacy)
        display = self.display_name
        if self.simulated and display is not None:
            display = f"{display} (demo)"
        entry: dict[str, Any] = {
            "input": sections,
            "input_order": {section: list(names) for section, names in sections.items()},
            "is_input_list": False,
            "output": list(outputs),
            "output_is_list": [False] * len(outputs),
            "output_name": list(self.output_names or self.outputs)[: len(outputs)],
            "name": self.name,
            "display_name": dress(display) if display is not None else None,
            "description": dress(self.description),
            "python_module": self.module,
            "category": dress(self.category),
            "output_node": self.output_node,
        }
        self._add_flags(entry, legacy=legacy)
        return entry

    def _add_flags(self, entry: dict[str, Any], *, legacy: bool) -> None:
        if self.v3:
            entry["output_tooltips"] = [None] * len(self.outputs)
            entry.update(deprecated=self.deprecated, experimental=False, api_node=False)
            if not legacy:
                entry.update(
                    output_matchtypes=None, dev_only=False, price_badge=None, essentials_category=None
                )
        elif self.deprecated:
            entry["deprecated"] = True
        if legacy:
            del entry["is_input_list"]
        else:
            entry["has_intermediate_output"] = False
            entry["search_aliases"] = list(self.aliases) or (None if self.v3 else [])


def _resolve(spec: Spec, listings: Listings) -> Spec:
    kind = spec[0]
    if isinstance(kind, Listing):
        return [[*listings.names(kind.folder), *kind.always], *copy.deepcopy(spec[1:])]
    options = copy.deepcopy(spec[1:])
    if options and isinstance(options[0].get("options"), Listing):
        options[0]["options"] = listings.names(options[0]["options"].folder)
    return [copy.deepcopy(kind), *options]


@dataclass(frozen=True)
class Pictures:
    """An IMAGE: a batch of pictures of one size."""

    items: tuple[Image.Image, ...]

    def __str__(self) -> str:
        width, height = self.items[0].size if self.items else (0, 0)
        return f"demo_images(batch={len(self.items)}, height={height}, width={width})"

    def map(self, change: Callable[[Image.Image], Image.Image]) -> Pictures:
        """Each picture changed."""
        return Pictures(tuple(change(item) for item in self.items))


@dataclass(frozen=True)
class Masks:
    """A MASK: a batch of grey pictures."""

    items: tuple[Image.Image, ...]

    def __str__(self) -> str:
        return f"demo_masks(batch={len(self.items)})"


def pictures(value: Any) -> Pictures:
    """The value, if it is an IMAGE; the server does not check that before it runs a node."""
    if not isinstance(value, Pictures):
        raise TypeError(f"expected IMAGE, got {type(value).__name__}")
    return value
