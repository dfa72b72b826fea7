"""What the core's own classes check in Python, which definitions do not tell (comfyui-api, section 5.7).

The file pickers are in :mod:`.files`. A class of a pack may check anything; that cannot be known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from comfy_tui.workflow.checking.declared import Input, NodeClass
from comfy_tui.workflow.checking.problem import RAISES, Problem, brief
from comfy_tui.workflow.checking.rules import Rules
from comfy_tui.workflow.checking.values import unwrapped

Received = Callable[[Any], Any]
_FAILED = "custom_validation_failed"
_MOVES = ("horizontal_movement", "vertical_movement", "pan", "tilt", "roll", "zoom")
_TASK = "original_model_task_id"
_TASKS = frozenset(("MODEL_TASK_ID", "RIG_TASK_ID", "RETARGET_TASK_ID"))
_WIDEST = 4
# Whose ranges and choices the server does not look at, because the class takes these inputs itself.
_OWN: dict[str, frozenset[str] | None] = {
    "CustomCombo": None,
    "Load3D": None,
    "Load3DAdvanced": None,
    "SelectModelDevice": frozenset(("device",)),
    "SelectCLIPDevice": frozenset(("device",)),
    "SelectVAEDevice": frozenset(("device",)),
    "FluxProUltraImageNode": frozenset(("aspect_ratio",)),
    "KlingCameraControls": frozenset(_MOVES),
}
# What the class cannot be asked without: it raises, and that is then all that the server says.
_NEEDS = {
    "CustomCombo": frozenset(("choice",)),
    "Load3D": frozenset(("model_file",)),
    "Load3DAdvanced": frozenset(("model_file",)),
    "FluxProUltraImageNode": frozenset(("aspect_ratio",)),
    "KlingCameraControls": frozenset(_MOVES),
}


def looks_itself(node: NodeClass, item: Input) -> bool:
    """Whether the class looks at this input itself, so that range and choices do not count."""
    if node.name not in _OWN or not _applies(node):
        return False
    names = _OWN[node.name]
    return names is None or item.name in names


def raises_without(node: NodeClass, item: Input) -> bool:
    """Whether the class's own check raises when this input is not given."""
    return item.name in _NEEDS.get(node.name, ()) and _applies(node)


def takes_every_name(node: NodeClass) -> bool:
    """Whether the class takes inputs of any name."""
    return node.is_core and node.name == "CustomCombo"


def ignores_types(node: NodeClass) -> bool:
    """Whether the types of links into this class are not compared."""
    return node.is_core and node.name == "TripoConversionNode"


def own_problem(
    node: NodeClass, inputs: Mapping[str, Any], received: Received, rules: Rules
) -> Problem | None:
    """What the class's own check says of the inputs.

    Args:
        node: the class.
        inputs: as given.
        received: gives the type that a link brings, None where it cannot be read.
        rules: of the server's version.
    """
    check = _CHECKS.get(node.name)
    return check(inputs, received, rules) if check is not None and _applies(node) else None


def _applies(node: NodeClass) -> bool:
    """Before these 3D loaders checked anything, their files were declared as a plain list."""
    if not node.is_core:
        return False
    if node.name in ("Load3D", "Load3DAdvanced"):
        spec = node.declared_for({}).inputs.get("model_file")
        return spec is not None and spec.type == "COMBO"
    return True


def _aspect_ratio(inputs: Mapping[str, Any], _: Received, rules: Rules) -> Problem | None:
    value = inputs.get("aspect_ratio")
    if "aspect_ratio" not in inputs:
        return None
    code = RAISES if rules.dynamic_inputs else _FAILED
    hint = "Write it as 16:9, between 1:4 and 4:1."
    try:
        wide, high = (int(part.strip()) for part in str(unwrapped(value)).split(":"))
    except ValueError:
        return Problem(code, f"aspect_ratio is {brief(value)}, not two numbers.", "aspect_ratio", hint=hint)
    if wide > 0 and high > 0 and high <= _WIDEST * wide and wide <= _WIDEST * high:
        return None
    return Problem(code, f"aspect_ratio is {wide}:{high}, which is out of range.", "aspect_ratio", hint=hint)


def _camera_moves(inputs: Mapping[str, Any], _: Received, __: Rules) -> Problem | None:
    if not all(name in inputs for name in _MOVES):
        return None
    for name in _MOVES:
        value = unwrapped(inputs[name])
        if isinstance(value, list):
            return Problem(RAISES, f"{name} is linked, but the node checks its value.", name)
        try:
            moves = not math.isclose(float(value), 0.0)
        except (TypeError, ValueError, OverflowError):
            return None  # said by the check of the value itself
        if moves:
            return None
    return Problem(
        _FAILED,
        "Every movement of the camera is 0; the server wants at least one that is not.",
        _MOVES[0],
        hint="Move the camera, or take the node out.",
    )


def _task(inputs: Mapping[str, Any], received: Received, _: Rules) -> Problem | None:
    kind = received(inputs.get(_TASK))
    if kind is None:
        return Problem(RAISES, f"{_TASK} is no link to a node that makes a model.", _TASK)
    if kind in _TASKS:
        return None
    return Problem(_FAILED, f"{_TASK} is {brief(kind)}, not one of {', '.join(sorted(_TASKS))}.", _TASK)


_CHECKS: dict[str, Callable[[Mapping[str, Any], Received, Rules], Problem | None]] = {
    "FluxProUltraImageNode": _aspect_ratio,
    "KlingCameraControls": _camera_moves,
    "TripoConversionNode": _task,
}
