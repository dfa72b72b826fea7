"""New seeds for a prompt, and for the editor's workflow that travels with it, without the server's nodes."""

from __future__ import annotations

import copy
import random
from collections.abc import Mapping
from typing import Any

from comfy_tui.workflow.parameters import FieldKind, SeedMode, fields, with_seed


def reseeded(
    prompt: Mapping[str, Any], workflow: Mapping[str, Any] | None, rng: random.Random | None = None
) -> tuple[dict[str, Any], Mapping[str, Any] | None]:
    """The prompt with new seeds, and the workflow that says the same where that is beyond doubt.

    A node of the workflow has a list of values without names: the seed is replaced where exactly one
    value of the node is the old one.  Else the workflow stays as it is.
    """
    changed = with_seed(prompt, SeedMode.RANDOM, 0, rng=rng or random.SystemRandom())
    seeds = [found for found in fields(prompt) if found.kind is FieldKind.SEED]
    if workflow is None or not seeds:
        return changed, workflow
    written = copy.deepcopy(dict(workflow))
    listed = written.get("nodes")
    nodes = {
        str(node.get("id")): node
        for node in (listed if isinstance(listed, list) else ())
        if isinstance(node, dict)
    }
    for seed in seeds:
        values = nodes.get(seed.node_id, {}).get("widgets_values")
        new = changed[seed.node_id]["inputs"][seed.input]
        if isinstance(values, list):
            places = [at for at, value in enumerate(values) if _is(value, seed.value)]
            if len(places) == 1:
                values[places[0]] = new
        elif isinstance(values, dict) and _is(values.get(seed.input), seed.value):
            values[seed.input] = new
    return changed, written


def _is(value: Any, wanted: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value == wanted
