"""The values of a prompt (API format) that a person looks at and changes: texts, seed, size, models ..."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

#: File endings of models (comfyui-api, section 12).
MODEL_ENDINGS = (".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".gguf", ".onnx", ".pkl")
TEXT_INPUTS = frozenset(
    (
        "text",
        "prompt",
        "text_g",
        "text_l",
        "clip_l",
        "clip_g",
        "t5xxl",
        "positive",
        "negative",
        "positive_prompt",
        "negative_prompt",
        "tags",
        "lyrics",
        "caption",
    )
)
_SEED_INPUTS = frozenset(("seed", "noise_seed"))
#: The browser never draws a larger seed, so that it stays exact in JavaScript.
MAX_RANDOM_SEED = 1125899906842624
_LOADERS = {"image": "Load", "video": "Load", "audio": "Load", "file": "Load"}
_WALK_LIMIT = 400


class FieldKind(StrEnum):
    """What a value is to a person, in the order in which they look for it."""

    PROMPT = "prompt"
    NEGATIVE = "negative prompt"
    SEED = "seed"
    STEPS = "steps"
    CFG = "cfg"
    SAMPLER = "sampler"
    SIZE = "size"
    MODEL = "model"
    FILE = "input file"
    OTHER = "value"


_KIND_BY_INPUT = {
    "steps": FieldKind.STEPS,
    "cfg": FieldKind.CFG,
    "guidance": FieldKind.CFG,
    "sampler_name": FieldKind.SAMPLER,
    "scheduler": FieldKind.SAMPLER,
    "denoise": FieldKind.SAMPLER,
    "width": FieldKind.SIZE,
    "height": FieldKind.SIZE,
    "batch_size": FieldKind.SIZE,
    "length": FieldKind.SIZE,
}


@dataclass(frozen=True, slots=True)
class Field:
    """One literal value of one node's input."""

    node_id: str
    class_type: str
    title: str
    input: str
    kind: FieldKind
    value: Any

    @property
    def key(self) -> tuple[str, str]:
        """Which input of which node."""
        return (self.node_id, self.input)


@dataclass(frozen=True, slots=True)
class PromptSummary:
    """What a prompt is about, for lists and previews."""

    node_count: int
    outputs: tuple[str, ...]
    positive: str
    negative: str
    seed: int | None
    steps: int | None
    cfg: float | None
    sampler: str
    size: tuple[int, int] | None
    models: tuple[str, ...]
    files: tuple[str, ...]


def is_link(value: Any) -> bool:
    """Whether the server takes this value for a link: a list (comfyui-api, section 4.2)."""
    return isinstance(value, list)


def nodes(prompt: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any], str]]:
    """The well-formed nodes: id, class, inputs, title."""
    for node_id, node in prompt.items():
        if isinstance(node, Mapping) and isinstance(node.get("class_type"), str):
            inputs = node.get("inputs")
            meta = node.get("_meta")
            title = meta.get("title") if isinstance(meta, Mapping) else None
            class_type = node["class_type"]
            yield (
                str(node_id),
                class_type,
                inputs if isinstance(inputs, Mapping) else {},
                title if isinstance(title, str) and title else class_type,
            )


def fields(prompt: Mapping[str, Any]) -> tuple[Field, ...]:
    """Every literal value, those that a person changes first (the order of :class:`FieldKind`)."""
    negative = _texts_behind(prompt, "negative") - _texts_behind(prompt, "positive")
    seeds = _seed_sources(prompt)
    found = [
        Field(
            node_id,
            class_type,
            title,
            name,
            FieldKind.SEED
            if (node_id, name) in seeds
            else _kind(class_type, name, value, (node_id, name) in negative),
            value,
        )
        for node_id, class_type, inputs, title in nodes(prompt)
        for name, value in inputs.items()
        if not is_link(value)
    ]
    order = list(FieldKind)
    return tuple(sorted(found, key=lambda field: order.index(field.kind)))


def _kind(class_type: str, name: str, value: Any, negative: bool) -> FieldKind:
    leaf = name.rsplit(".", 1)[-1]
    if leaf in TEXT_INPUTS and isinstance(value, str):
        return FieldKind.NEGATIVE if negative or leaf.startswith("negative") else FieldKind.PROMPT
    if leaf in _SEED_INPUTS and isinstance(value, int) and not isinstance(value, bool):
        return FieldKind.SEED
    if isinstance(value, str) and value.lower().endswith(MODEL_ENDINGS):
        return FieldKind.MODEL
    if leaf in _LOADERS and class_type.startswith(_LOADERS[leaf]) and isinstance(value, str):
        return FieldKind.FILE
    return _KIND_BY_INPUT.get(leaf, FieldKind.OTHER)


def _seed_sources(prompt: Mapping[str, Any]) -> set[tuple[str, str]]:
    """The numbers of primitives that are nothing but seeds of other nodes."""
    as_seed: set[str] = set()
    as_other: set[str] = set()
    for _, _, inputs, _ in nodes(prompt):
        for name, value in inputs.items():
            if is_link(value) and value and isinstance(value[0], str):
                (as_seed if name in _SEED_INPUTS else as_other).add(value[0])
    found = set()
    for node_id in as_seed - as_other:
        node = prompt.get(node_id)
        if isinstance(node, Mapping) and str(node.get("class_type")).startswith("Primitive"):
            held = node.get("inputs")
            value = held.get("value") if isinstance(held, Mapping) else None
            if isinstance(value, int) and not isinstance(value, bool):
                found.add((node_id, "value"))
    return found


def _texts_behind(prompt: Mapping[str, Any], port: str) -> set[tuple[str, str]]:
    """The text inputs that feed the ``positive`` or ``negative`` input of any node."""
    found: set[tuple[str, str]] = set()
    waiting = [inputs[port] for _, _, inputs, _ in nodes(prompt) if is_link(inputs.get(port))]
    seen: set[str] = set()
    while waiting and len(seen) < _WALK_LIMIT:
        link = waiting.pop()
        source = link[0] if link and isinstance(link[0], str) else ""
        node = prompt.get(source)
        if source in seen or not isinstance(node, Mapping):
            continue
        seen.add(source)
        inputs = node.get("inputs")
        if not isinstance(inputs, Mapping):
            continue
        for name, value in inputs.items():
            if isinstance(value, str) and name in TEXT_INPUTS:
                found.add((source, name))
            elif is_link(value) and (name == port or name not in ("positive", "negative")):
                waiting.append(value)
    return found


def summarize(prompt: Mapping[str, Any]) -> PromptSummary:
    """Say in a few values what a prompt makes; never raises, whatever the values are."""
    first: dict[FieldKind, Field] = {}
    by_input: dict[str, Any] = {}
    all_fields = fields(prompt)
    for field in all_fields:
        first.setdefault(field.kind, field)
        by_input.setdefault(field.input.rsplit(".", 1)[-1], field.value)
    width, height = by_input.get("width"), by_input.get("height")
    seed = first[FieldKind.SEED].value if FieldKind.SEED in first else None
    summary = PromptSummary(
        node_count=len(prompt),
        outputs=output_classes(prompt),
        positive=_text(first.get(FieldKind.PROMPT)),
        negative=_text(first.get(FieldKind.NEGATIVE)),
        seed=seed,
        steps=_whole(by_input.get("steps")),
        cfg=_real(by_input.get("cfg")),
        sampler=by_input["sampler_name"] if isinstance(by_input.get("sampler_name"), str) else "",
        size=(width, height) if isinstance(width, int) and isinstance(height, int) else None,
        models=tuple(dict.fromkeys(field.value for field in all_fields if field.kind is FieldKind.MODEL)),
        files=tuple(dict.fromkeys(field.value for field in all_fields if field.kind is FieldKind.FILE)),
    )
    known = summary.positive and summary.seed is not None and summary.steps is not None and summary.size
    return summary if known else _completed(prompt, summary)


def _completed(prompt: Mapping[str, Any], summary: PromptSummary) -> PromptSummary:
    """With the values that come to their inputs by links."""
    from comfy_tui.workflow.provenance import provenance  # it builds on this module

    told = provenance(prompt)
    last = told.samplings[-1] if told.samplings else None
    seed = told.seed.value if told.seed is not None else None
    size = tuple(side.value for side in told.size) if told.size is not None else ()
    whole = len(size) == 2 and all(_whole(side) is not None for side in size)
    return replace(
        summary,
        positive=summary.positive or "\n".join(text.value for text in told.positive),
        negative=summary.negative or "\n".join(text.value for text in told.negative),
        seed=summary.seed if summary.seed is not None else _whole(seed),
        steps=summary.steps if summary.steps is not None or last is None else _whole_of(last.steps),
        size=summary.size or ((size[0], size[1]) if whole else None),
    )


def _whole_of(traced: Any) -> int | None:
    return _whole(traced.value) if traced is not None else None


def _text(field: Field | None) -> str:
    return str(field.value) if field is not None else ""


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _real(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def output_classes(prompt: Mapping[str, Any]) -> tuple[str, ...]:
    """The classes of the nodes that no other node reads: the ends of the graph."""
    read = {
        value[0]
        for _, _, inputs, _ in nodes(prompt)
        for value in inputs.values()
        if is_link(value) and value and isinstance(value[0], str)
    }
    return tuple(
        dict.fromkeys(class_type for node_id, class_type, _, _ in nodes(prompt) if node_id not in read)
    )


def with_values(prompt: Mapping[str, Any], changes: Mapping[tuple[str, str], Any]) -> dict[str, Any]:
    """A copy of the prompt with some inputs changed; inputs of unknown nodes are ignored."""
    changed = copy.deepcopy(dict(prompt))
    for (node_id, name), value in changes.items():
        node = changed.get(node_id)
        if isinstance(node, dict) and isinstance(node.get("inputs"), dict):
            node["inputs"][name] = value
    return changed


class SeedMode(StrEnum):
    """What happens to the seeds when a workflow is queued, as the browser's control_after_generate."""

    KEEP = "keep"
    RANDOM = "random"
    INCREMENT = "increment"


def with_seed(
    prompt: Mapping[str, Any],
    mode: SeedMode,
    copy_number: int,
    *,
    limits: Mapping[tuple[str, str], int] | None = None,
    rng: random.Random | None = None,
) -> dict[str, Any]:
    """The prompt for one of several copies.

    Args:
        prompt: the prompt; it is not changed.
        mode: keep the seeds, draw new ones, or add ``copy_number`` to each.
        copy_number: 0 for the first copy.
        limits: the largest seed of an input, where its node's definition says so.
        rng: the source of random numbers.
    """
    seeds = [field for field in fields(prompt) if field.kind is FieldKind.SEED]
    if mode is SeedMode.KEEP or not seeds:
        return with_values(prompt, {})
    draw = rng or random.SystemRandom()
    changes: dict[tuple[str, str], Any] = {}
    for field in seeds:
        largest = (limits or {}).get(field.key, 2**32 - 1)
        if mode is SeedMode.RANDOM:
            changes[field.key] = draw.randint(0, min(largest, MAX_RANDOM_SEED))
        else:
            changes[field.key] = min(field.value + copy_number, max(largest, field.value))
    return with_values(prompt, changes)
