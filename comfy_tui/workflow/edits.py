"""What a person changed before queueing, and the prompts of the copies that follow from it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from comfy_tui.workflow.choices import with_choices
from comfy_tui.workflow.conversion import Control, Converter, next_values
from comfy_tui.workflow.definition import Definitions
from comfy_tui.workflow.diagnostic import Diagnostic
from comfy_tui.workflow.parameters import FieldKind, SeedMode, fields, with_seed, with_values
from comfy_tui.workflow.travel import travelling

Key = tuple[str, str]
MAX_COPIES = 100


@dataclass(frozen=True, slots=True)
class Edits:
    """Changes to one workflow; the file itself stays as it is.

    Attributes:
        values: what was typed, by node and input.
        moved: where ``control_after_generate`` has taken values since, which counts from then on.
        seed: what happens to seeds; None leaves it to the workflow.
        count: how many copies one queueing makes.
        queued: how many copies were queued already, for seeds that count up.
    """

    values: Mapping[Key, Any] = field(default_factory=dict)
    moved: Mapping[Key, Any] = field(default_factory=dict)
    seed: SeedMode | None = None
    count: int = 1
    queued: int = 0

    @property
    def changed(self) -> bool:
        """Whether a person changed anything."""
        return bool(self.values) or self.seed is not None or self.count != 1

    def with_value(self, key: Key, value: Any) -> Edits:
        """With one more value typed."""
        moved = {known: old for known, old in self.moved.items() if known != key}
        return replace(self, values={**self.values, key: value}, moved=moved, queued=0)

    def without(self, key: Key) -> Edits:
        """With one value as in the file."""
        return replace(
            self,
            values={known: value for known, value in self.values.items() if known != key},
            moved={known: value for known, value in self.moved.items() if known != key},
        )

    def apply(self, prompt: Mapping[str, Any], definitions: Definitions | None = None) -> dict[str, Any]:
        """The prompt with the changes; a value whose input has become a link is left alone.

        Args:
            prompt: as read or converted; it is not changed.
            definitions: of the server, for choices that bring other inputs.
        """
        changes = {**self.values, **self.moved}
        chosen = with_choices(prompt, changes, definitions)
        known = {found.key for found in fields(chosen)}
        return with_values(chosen, {key: value for key, value in changes.items() if key in known})


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy to queue.

    ``after`` are the edits once it was taken, ``unwritten`` the values that the workflow cannot hold.
    """

    prompt: Mapping[str, Any]
    workflow: Mapping[str, Any] | None
    after: Edits
    unwritten: tuple[Diagnostic, ...] = ()


def copies(
    prompt: Mapping[str, Any],
    workflow: Mapping[str, Any] | None,
    controls: tuple[Control, ...],
    edits: Edits,
    *,
    limits: Mapping[Key, int] | None = None,
    rng: random.Random | None = None,
    converter: Converter | None = None,
    given: Iterable[Key] = (),
) -> Iterator[Copy]:
    """The copies to queue, one by one.

    The workflow says what the prompt says, as far as the editor has a place for it; without a
    converter that is so for the values that change by themselves only.

    Args:
        prompt: the prompt as read or converted.
        workflow: the editor's document to send along.
        controls: what changes by itself in a converted workflow.
        edits: what a person changed.
        limits: the largest seed of an input, where it is known.
        rng: the source of random numbers.
        converter: of the server, to write what was changed into the workflow.
        given: inputs of the prompt whose values are not those of the workflow already.
    """
    draw = rng or random.SystemRandom()
    known = converter.definitions if converter is not None else None
    for _ in range(max(1, min(edits.count, MAX_COPIES))):
        mode = edits.seed or SeedMode.KEEP
        ready = with_seed(edits.apply(prompt, known), mode, edits.queued, limits=limits, rng=draw)
        sent, unwritten = workflow, tuple[Diagnostic, ...]()
        if converter is not None:
            keys = dict.fromkeys((*given, *_changed(ready, edits)))
            sent, unwritten = travelling(workflow, ready, keys, converter)
        elif workflow is not None and controls:
            sent = next_values(ready, workflow, _holding(ready, controls), draw)[1]
        after = replace(edits, queued=edits.queued + 1)
        if edits.seed is None and any(control.mode != "fixed" for control in controls):
            following = next_values(ready, workflow or {}, controls, draw)[0]
            targets = [key for control in controls if control.mode != "fixed" for key in control.targets]
            after = replace(after, moved={**edits.moved, **_values_at(following, targets)})
        edits = after
        yield Copy(ready, sent, after, unwritten)


def _changed(prompt: Mapping[str, Any], edits: Edits) -> Iterator[Key]:
    """The inputs whose values come from the edits."""
    yield from edits.values
    yield from edits.moved
    if edits.seed not in (None, SeedMode.KEEP):
        yield from (found.key for found in fields(prompt) if found.kind is FieldKind.SEED)


def _holding(prompt: Mapping[str, Any], controls: tuple[Control, ...]) -> tuple[Control, ...]:
    """Controls that change nothing, so that the workflow comes to say what the prompt says."""
    held = []
    for control in controls:
        if control.kind == "COMBO":
            now = list(_values_at(prompt, control.targets).values())
            held.append(replace(control, mode="increment-wrap", choices=tuple(now[:1]) or (control.value,)))
        else:
            held.append(replace(control, mode="hold"))
    return tuple(held)


def _values_at(prompt: Mapping[str, Any], targets: Any) -> dict[Key, Any]:
    found: dict[Key, Any] = {}
    for node_id, name in targets:
        node = prompt.get(node_id)
        inputs = node.get("inputs") if isinstance(node, Mapping) else None
        if isinstance(inputs, Mapping) and name in inputs and not isinstance(inputs[name], list | dict):
            found[(node_id, name)] = inputs[name]
    return found
