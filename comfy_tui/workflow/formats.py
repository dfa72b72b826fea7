"""Telling what a workflow file is, and reading it without trusting it.

Read are: API format, the editor's format (0.4 and 1), requests and files that wrap either in
``prompt`` or ``workflow`` (comfyui-api, section 4.1), items of the queue and the history, and the
answer of ``/api/jobs/{id}`` (comfyui-api, section 9). Pure: text in, values out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, BinaryIO

from comfy_tui.errors import WorkflowError
from comfy_tui.json_weight import TooManyValues, loads
from comfy_tui.workflow.metadata import media_format, read_media

SIZE_LIMIT = 64 * 1024 * 1024
"""The longest text that is read, in characters (bytes where bytes are given)."""

DEPTH_LIMIT = 200
"""How deeply lists and objects may lie in each other."""

_HINT = "Open it in ComfyUI and save it again, or export it with Workflow > Export (API)."
_NOT_JSON = re.compile(r"\b(?:NaN|Infinity)\b|\d[eE]\+?\d{3}")
_ESCAPES = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.S
)


class WorkflowKind(StrEnum):
    """What a document holds that can be run: a prompt as it is, or a graph to be converted."""

    API = "api"
    EDITOR = "editor"


@dataclass(frozen=True, slots=True)
class WorkflowFile:
    """A workflow that was read.

    Attributes:
        kind: ``API``: ``prompt`` can be queued as it is; ``EDITOR``: ``graph`` must be converted.
        prompt: the API-format prompt.
        graph: the editor document to convert.
        workflow: the editor document to send along as ``extra_data.extra_pnginfo.workflow``, if there is one.
        notes: what was unusual or mended, in a person's words.
        name: the name it was read under.
    """

    kind: WorkflowKind
    prompt: dict[str, Any] | None = None
    graph: dict[str, Any] | None = None
    workflow: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()
    name: str = ""


def parse_workflow(text: str | bytes, *, name: str = "") -> WorkflowFile:
    """Read a workflow in any of the formats above.

    ``NaN`` and infinite numbers, which ComfyUI itself writes, are read as null; broken characters are
    replaced; both leave a note.

    Raises:
        WorkflowError: the text is too long or too deep, no JSON (with line and column), or no workflow.
    """
    notes: list[str] = []
    value = load_json(text, name=name, notes=notes)
    return read_workflow(value, name=name, notes=tuple(notes))


def parse_file(data: bytes | BinaryIO, *, name: str = "") -> WorkflowFile:
    """Read a workflow file, whatever it is: JSON text, or media that ComfyUI saved.

    The content decides, not the name. Of media both the prompt and the workflow are taken; where one
    of the two cannot be read, the other one counts and a note says so.

    Args:
        data: the content, or an open binary file that can seek: of large media only parts are read.
        name: what to call it.

    Raises:
        WorkflowError: see :func:`parse_workflow` and :func:`~comfy_tui.workflow.metadata.read_media`.
    """
    if media_format(data) is None:
        if not isinstance(data, bytes):
            data.seek(0)
            data = data.read(SIZE_LIMIT + 1)
        return parse_workflow(data, name=name)
    notes: list[str] = []
    values, broken = {}, None
    for key, text in read_media(data, name).items():
        try:
            values[key] = load_json(text, name=f"The {key} in {_called(name)}", notes=notes)
        except WorkflowError as error:
            broken = error
            notes.append(f"the {key} in it cannot be read: {error.message}")
    if broken is not None and not values:
        raise broken
    return read_workflow(values, name=name, notes=tuple(notes))


def read_workflow(value: Any, *, name: str = "", notes: tuple[str, ...] = ()) -> WorkflowFile:
    """Tell what a JSON value is; see :func:`parse_workflow`.

    Raises:
        WorkflowError: it is no workflow.
    """
    found = _Search(name, list(notes)).find(value, 0)
    if found is None:
        raise WorkflowError(f"{_called(name)} is not a workflow", _describe(value), _HINT)
    return found


def load_json(text: str | bytes, *, name: str = "", notes: list[str] | None = None) -> Any:
    """Read JSON that may be hostile; what was mended is added to ``notes``.

    Raises:
        WorkflowError: see :func:`parse_workflow`.
    """
    said = [] if notes is None else notes
    if len(text) > SIZE_LIMIT:
        limit = SIZE_LIMIT // (1024 * 1024)
        raise WorkflowError(f"{_called(name)} is too large", f"more than {limit} MB of text is not read")
    source = _decoded(text, name, said) if isinstance(text, bytes) else text.removeprefix("\ufeff")
    if "\\ud" in source or "\\uD" in source:
        source = _without_lone_surrogates(source, said)
    odd = _NOT_JSON.search(source) is not None
    try:
        value = loads(source, parse_constant=_null, parse_float=_finite if odd else None)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise WorkflowError(
            f"{_called(name)} is not valid JSON", f"{error.msg} at {place}", _broken_hint(source)
        ) from error
    except RecursionError as error:
        raise _too_deep(name) from error
    except TooManyValues as error:
        raise WorkflowError(f"{_called(name)} is too large", str(error)) from error
    except ValueError as error:  # a number with thousands of digits
        raise WorkflowError(f"{_called(name)} is not valid JSON", "a number in it is too long") from error
    if odd and _NUMBERS_LOST.search(source):
        said.append("numbers that are not finite (NaN, Infinity) were read as null")
    if _deeper_than(value, DEPTH_LIMIT):
        raise _too_deep(name)
    return value


_NUMBERS_LOST = re.compile(r"[\[:,\s-](?:NaN|Infinity)\s*[,\]}]|^\s*-?(?:NaN|Infinity)\s*$")


def is_editor(value: Any) -> bool:
    """Whether a value is an editor document: an object with a list of nodes."""
    return isinstance(value, Mapping) and isinstance(value.get("nodes"), list)


def is_prompt(value: Any) -> bool:
    """Whether a value is an API-format prompt: an object in which an entry names a ``class_type``."""
    return isinstance(value, Mapping) and any(
        isinstance(n, Mapping) and "class_type" in n for n in value.values()
    )


class _Search:
    """Looks for the workflow inside its wrappers."""

    def __init__(self, name: str, notes: list[str]) -> None:
        self._name, self._notes = name, notes

    def find(self, value: Any, depth: int) -> WorkflowFile | None:
        if isinstance(value, str) and depth and value.lstrip()[:1] == "{":  # metadata holds JSON as text
            value = load_json(value, name=self._name, notes=self._notes)
        if is_editor(value):
            return self._made(None, value)
        if is_prompt(value):
            return self._made(value, None)
        if depth > 4:
            return None
        if isinstance(value, list):
            return self._queue_item(value, depth)
        if not isinstance(value, Mapping) or not value:
            return None
        return self._wrapped(value, depth) or self._history(value, depth)

    def _wrapped(self, value: Mapping[str, Any], depth: int) -> WorkflowFile | None:
        """``{"prompt": ..., "workflow": ...}``: a request, a file's metadata, a job, or a history entry."""
        inner = self.find(value["prompt"], depth + 1) if value.get("prompt") else None
        beside = self.find(value["workflow"], depth + 1) if value.get("workflow") else None
        graph = _sent_workflow(value.get("extra_data"))
        if beside is not None:
            graph = beside.graph or beside.workflow or graph
        if inner is None:
            if beside is None:
                return None
            return beside if beside.kind is WorkflowKind.EDITOR else self._made(beside.prompt, graph)
        return self._made(inner.prompt, graph or inner.workflow) if inner.prompt is not None else inner

    def _queue_item(self, value: list[Any], depth: int) -> WorkflowFile | None:
        """``[number, prompt_id, prompt, extra_data, outputs]``, as in the queue and the history."""
        if len(value) < 3 or not is_prompt(value[2]):
            return None
        return self._made(value[2], _sent_workflow(value[3] if len(value) > 3 else None))

    def _history(self, value: Mapping[str, Any], depth: int) -> WorkflowFile | None:
        """The answer of ``/history``: entries by prompt id. The last one is the newest."""
        entries = [
            e
            for e in value.values()
            if isinstance(e, Mapping) and isinstance(e.get("prompt"), list | Mapping)
        ]
        if not entries or len(entries) != len(value):
            return None
        if len(entries) > 1:
            self._notes.append(f"the history holds {len(entries)} jobs; the last one is used")
        return self._wrapped(entries[-1], depth + 1)

    def _made(self, prompt: Any, graph: Any) -> WorkflowFile:
        if prompt is None:
            document = dict(graph)
            return WorkflowFile(WorkflowKind.EDITOR, None, document, document, tuple(self._notes), self._name)
        nodes = {key: node for key, node in prompt.items() if isinstance(node, Mapping)}
        if len(nodes) < len(prompt):
            left_out = ", ".join(sorted(key for key in prompt if key not in nodes)[:5])
            self._notes.append(f"entries that are not nodes are left out of the prompt: {left_out}")
        return WorkflowFile(WorkflowKind.API, nodes, None, graph, tuple(self._notes), self._name)


def _sent_workflow(extra_data: Any) -> dict[str, Any] | None:
    pnginfo = extra_data.get("extra_pnginfo") if isinstance(extra_data, Mapping) else None
    graph = pnginfo.get("workflow") if isinstance(pnginfo, Mapping) else None
    return graph if isinstance(graph, dict) and is_editor(graph) else None


def _decoded(data: bytes, name: str, notes: list[str]) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        if b"\0" in data[:1024]:
            raise WorkflowError(
                f"{_called(name)} is not a text file", "it holds binary data", _HINT
            ) from error
        notes.append("characters that are not valid UTF-8 were replaced")
        return data.decode(encoding, "replace")


def _without_lone_surrogates(text: str, notes: list[str]) -> str:
    r"""Half characters (a ``\ud800`` alone) cannot be sent to a server: they become U+FFFD."""
    mended = 0

    def mend(match: re.Match[str]) -> str:
        nonlocal mended
        if match[1] is None:
            return match[0]
        mended += 1
        return "\\ufffd"

    text = _ESCAPES.sub(mend, text)
    if mended:
        notes.append("half characters (lone surrogates) were replaced")
    return text


def _null(_: str) -> None:
    return None


def _finite(text: str) -> float | None:
    value = float(text)
    return value if -1.8e308 < value < 1.8e308 else None


def _deeper_than(value: Any, limit: int) -> bool:
    level: list[Any] = [value]
    for _ in range(limit + 1):
        following: list[Any] = []
        for held in level:
            if isinstance(held, dict):
                following.extend(v for v in held.values() if isinstance(v, dict | list))
            elif isinstance(held, list):
                following.extend(v for v in held if isinstance(v, dict | list))
        if not following:
            return False
        level = following
    return True


def _too_deep(name: str) -> WorkflowError:
    message = f"lists and objects lie more than {DEPTH_LIMIT} deep in each other"
    return WorkflowError(f"{_called(name)} is too deep", message)


def _called(name: str) -> str:
    return name or "The text"


def _broken_hint(source: str) -> str:
    start = source.lstrip()[:1]
    if not start:
        return "It is empty."
    return "It does not begin like JSON." if start not in '{["' else "It may be cut off or edited by hand."


def _describe(value: Any) -> str:
    if isinstance(value, Mapping):
        keys = ", ".join(f'"{key}"' for key in list(value)[:5]) or "nothing"
        return f"it has neither a list of nodes nor nodes with a class_type; it holds {keys}"
    words: dict[type, str] = {list: "a list", str: "a text", type(None): "null", bool: "true or false"}
    return f"it is {words.get(type(value), 'a number')}, not an object"
