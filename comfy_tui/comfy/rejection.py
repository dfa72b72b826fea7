"""A prompt that the server refused, in a person's words: which node, which input, why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comfy_tui.comfy.types import NodeError
from comfy_tui.comfy.wire import read_node_errors
from comfy_tui.errors import ApiError, Refused
from comfy_tui.json_weight import loads

_HINTS = {
    "missing_node_type": "Install the node pack on the server, or update ComfyUI.",
    "invalid_prompt": "Install the node pack on the server, or update ComfyUI.",
    "prompt_no_outputs": "Add a node that saves or shows something, such as SaveImage.",
    "value_not_in_list": "Choose a value that this server has.",
    "required_input_missing": "Give this input a value or connect it.",
    "custom_validation_failed": "Does the file exist on the server? Upload it.",
    "return_type_mismatch": "Connect an output of the right type.",
}


class PromptRejected(Refused):
    """``POST /prompt`` answered 400: nothing was queued."""

    code = "prompt_rejected"

    def __init__(
        self, title: str, message: str, hint: str, *, error_type: str, node_errors: tuple[NodeError, ...]
    ) -> None:
        super().__init__(title, message, hint, status=400)
        self.error_type = error_type
        self.node_errors = node_errors


def describe_node_error(error: NodeError) -> str:
    """One line: ``KSampler (3), steps: Value 0 smaller than min of 1``."""
    place = f"{error.class_type or 'node'} ({error.node_id})"
    if error.input_name:
        place += f", {error.input_name}"
    details = error.details if error.details and error.details != error.input_name else ""
    return f"{place}: {error.message}" + (f" - {details}" if details else "")


def rejected_prompt(body: bytes) -> ApiError:
    """Make the error out of the body of a 400 (comfyui-api, sections 4.6 and 5)."""
    try:
        data: Any = loads(body)
    except (ValueError, RecursionError):
        data = {}
    error = data.get("error") if isinstance(data, Mapping) else None
    if not isinstance(error, Mapping):
        return Refused("The server refused the workflow", "it gave no reason", "Look at its log.", status=400)
    node_errors = read_node_errors(data.get("node_errors"))
    error_type = str(error.get("type") or "")
    message = str(error.get("message") or "").strip()
    details = str(error.get("details") or "").strip()
    if node_errors:
        message = "\n".join(describe_node_error(item) for item in node_errors)
        hint = _HINTS.get(node_errors[0].type, "Change these values and queue again.")
    else:
        message = f"{message} ({details})" if details and details != message else message
        hint = _HINTS.get(error_type, "Look at the server's log.")
        if error_type == "prompt_outputs_failed_validation":
            hint = "The server names no node: the workflow may contain a loop."
    return PromptRejected(
        "The server refused the workflow", message, hint, error_type=error_type, node_errors=node_errors
    )
