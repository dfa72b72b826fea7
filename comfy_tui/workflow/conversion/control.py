"""Values that change with every queued copy: ``control_after_generate`` (graph-to-prompt, section 12.3)."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Place = tuple[str | int, ...]

_LIMIT = 1125899906842624


@dataclass(frozen=True, slots=True)
class Control:
    """One value under control: how it changes, where it stands in the workflow, where in the prompt.

    ``mode`` is fixed, increment, decrement, randomize, or increment-wrap (choices only).
    """

    mode: str
    kind: str
    value: Any
    places: tuple[Place, ...]
    targets: tuple[tuple[str, str], ...]
    least: Any = 0
    most: Any = 0
    step: Any = 1
    choices: tuple[Any, ...] = ()

    def next_value(self, current: Any, rng: random.Random) -> Any:
        """The value of the next copy, given that of this one."""
        if self.kind == "COMBO":
            return self._next_choice(current, rng)
        if (
            isinstance(current, bool)
            or not isinstance(current, int | float)
            or not math.isfinite(float(current))
        ):
            return current
        least, most = max(self.least, -_LIMIT), min(self.most, _LIMIT)
        step = self.step if self.step > 0 else 1
        if self.mode == "increment":
            current += step
        elif self.mode == "decrement":
            current -= step
        elif self.mode == "randomize" and most >= least:
            current = rng.randint(0, int((most - least) // step)) * step + least
        return max(self.least, min(self.most, current))

    def _next_choice(self, current: Any, rng: random.Random) -> Any:
        if not self.choices or self.mode == "fixed":
            return current
        last = len(self.choices) - 1
        index = self.choices.index(current) if current in self.choices else -1
        if self.mode == "randomize":
            index = rng.randint(0, last)
        elif self.mode == "increment-wrap":
            index = index + 1 if index < last else 0
        else:
            index += 1 if self.mode == "increment" else -1
        return self.choices[max(0, min(last, index))]


def next_values(
    prompt: Mapping[str, Any], workflow: Mapping[str, Any], controls: tuple[Control, ...], rng: random.Random
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The prompt and the workflow of the next queued copy.

    Neither argument is changed; parts without a controlled value are shared. A value edited in the
    prompt counts from where it was edited to; an input that is a link stays one. Texts with dynamic
    prompts are not chosen anew: convert the returned workflow again for that.
    """
    new_prompt, new_workflow = dict(prompt), dict(workflow)
    owned: dict[int, Any] = {}
    for control in controls:
        if control.mode == "fixed":
            continue
        literal = [place for place in control.targets if _is_literal(new_prompt, place)]
        current = control.value
        if literal:
            current = new_prompt[literal[0][0]]["inputs"][literal[0][1]]
        value = control.next_value(current, rng)
        for node_id, name in literal:
            _write(new_prompt, (node_id, "inputs", name), value, owned)
        for place in control.places:
            _write(new_workflow, place, value, owned)
    return new_prompt, new_workflow


def _is_literal(prompt: Mapping[str, Any], target: tuple[str, str]) -> bool:
    node = prompt.get(target[0])
    inputs = node.get("inputs") if isinstance(node, Mapping) else None
    return (
        isinstance(inputs, Mapping) and target[1] in inputs and not isinstance(inputs[target[1]], list | dict)
    )


def _write(document: Any, place: Place, value: Any, owned: dict[int, Any]) -> None:
    """Change one value, copying each container on the way once; ``owned`` holds the copies."""
    try:
        for step in place[:-1]:
            inner = document[step]
            if id(inner) not in owned:
                inner = dict(inner) if isinstance(inner, Mapping) else list(inner)
                owned[id(inner)] = inner
                document[step] = inner
            document = inner
        document[place[-1]] = value
    except (KeyError, IndexError, TypeError):  # the workflow was edited since: it has no such place
        return
