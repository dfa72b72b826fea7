"""What made an output: the values of the prompt that led to it, traced through links.

A value that cannot be traced is not there, or names the node that computed it; it is never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from comfy_tui.workflow.loras import Lora, loras_of
from comfy_tui.workflow.parameters import MODEL_ENDINGS, is_link
from comfy_tui.workflow.tracing import Traced, Tracer

#: Of more samplers only the last are looked at: a prompt from outside may have thousands.
_MOST_SAMPLERS = 40
_NOISE = ("noise_seed", "seed")
#: Inputs by which a node is known to take samples, whatever its class.
_SAMPLES = frozenset(("latent_image", "latent", "samples", "latents", "noise", "guider"))
_POSITIVE = ("positive", "conditioning", "cond1", "positive_cond")
_NEGATIVE = ("negative", "negative_cond")


@dataclass(frozen=True, slots=True)
class Sampling:
    """One sampler on the way to the output, with its values as far as they can be told."""

    node_id: str
    class_type: str
    seed: Traced | None = None
    steps: Traced | None = None
    cfg: Traced | None = None
    sampler: Traced | None = None
    scheduler: Traced | None = None
    denoise: Traced | None = None
    guidance: Traced | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """A model file and what loads it."""

    name: str
    class_type: str
    node_id: str
    input: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Everything that is told of an output; ``positive`` and ``negative`` may be several texts."""

    positive: tuple[Traced, ...] = ()
    negative: tuple[Traced, ...] = ()
    #: The negative is the zeroed positive: there is no text.
    negative_zeroed: bool = False
    models: tuple[Model, ...] = ()
    loras: tuple[Lora, ...] = ()
    samplings: tuple[Sampling, ...] = ()
    size: tuple[Traced, Traced] | None = None
    batch: Traced | None = None
    node_count: int = 0
    classes: tuple[str, ...] = field(default=())
    output_class: str = ""
    #: Whether only the nodes before the output were looked at; else the whole prompt.
    of_node: bool = False

    @property
    def seed(self) -> Traced | None:
        """The seed of the last sampler that has one."""
        seeds = [sampling.seed for sampling in self.samplings if sampling.seed is not None]
        return seeds[-1] if seeds else None


def provenance(prompt: Mapping[str, Any], node_id: str = "") -> Provenance:
    """Trace what made the output of a node.

    Args:
        prompt: in the API's format.
        node_id: the node that left the output; the whole prompt is taken where it is not in it.
    """
    tracer = Tracer(prompt)
    known = node_id in tracer.nodes
    wanted = tracer.before(node_id) if known else tuple(tracer.nodes)
    chosen = {key: tracer.nodes[key] for key in wanted}
    samplers = [key for key in wanted if _is_sampler(chosen[key].inputs)][-_MOST_SAMPLERS:]
    positive, negative, zeroed = _texts(tracer, chosen, samplers)
    loras = loras_of(chosen, tracer)
    return Provenance(
        positive=positive,
        negative=negative,
        negative_zeroed=zeroed,
        models=_models(chosen, {lora.name for lora in loras}),
        loras=loras,
        samplings=tuple(_sampling(tracer, key) for key in samplers) or _bare_seeds(tracer, wanted),
        size=_size(tracer, wanted, samplers),
        batch=_batch(tracer, wanted),
        node_count=len(prompt),
        classes=tuple(dict.fromkeys(node.class_type for node in chosen.values())),
        output_class=tracer.nodes[node_id].class_type if known else "",
        of_node=known,
    )


def _is_sampler(inputs: Mapping[str, Any]) -> bool:
    """A node that draws noise into samples: it has a seed or noise, and what to sample."""
    has_noise = any(name in inputs for name in _NOISE) or is_link(inputs.get("noise"))
    takes = any(is_link(inputs.get(name)) for name in _SAMPLES)
    guided = any(is_link(inputs.get(name)) for name in ("positive", "guider", "model"))
    return has_noise and guided and (takes or "steps" in inputs)


def _sampling(tracer: Tracer, key: str) -> Sampling:
    def find(*names: str, by: tuple[str, ...] = ()) -> Traced | None:
        return tracer.value(key, names, by)

    return Sampling(
        node_id=key,
        class_type=tracer.nodes[key].class_type,
        seed=find(*_NOISE, by=("noise",)),
        steps=find("steps", by=("sigmas",)),
        cfg=find("cfg", "cfg_conds", by=("guider",)),
        sampler=find("sampler_name", by=("sampler",)) or _by_class(tracer, key, "sampler"),
        scheduler=find("scheduler", by=("sigmas",)) or _by_class(tracer, key, "sigmas"),
        denoise=find("denoise", by=("sigmas",)),
        guidance=tracer.nearest(key, ("guidance",), ("positive", "guider", "conditioning")),
    )


def _by_class(tracer: Tracer, key: str, port: str) -> Traced | None:
    """A sampler or a scheduler that is a node of its own, such as SamplerEulerAncestral."""
    source = tracer.source(tracer.nodes[key].inputs.get(port))
    if source is None:
        return None
    return Traced(tracer.nodes[source].class_type, source, port, computed=True)


def _bare_seeds(tracer: Tracer, wanted: tuple[str, ...]) -> tuple[Sampling, ...]:
    """Nodes with a seed that are no samplers: paid services, noise, texts with wildcards."""
    found = []
    for key in wanted:
        seed = tracer.value(key, _NOISE, ())
        if seed is not None:
            steps = tracer.value(key, ("steps",), ())
            found.append(Sampling(key, tracer.nodes[key].class_type, seed=seed, steps=steps))
    return tuple(found)


def _texts(
    tracer: Tracer, chosen: Mapping[str, Any], samplers: list[str]
) -> tuple[tuple[Traced, ...], tuple[Traced, ...], bool]:
    positive: dict[tuple[str, str], Traced] = {}
    negative: dict[tuple[str, str], Traced] = {}
    zeroed = False
    for key in samplers or list(chosen):
        holders = [key]
        guider = tracer.source(tracer.nodes[key].inputs.get("guider"))
        holders += [guider] if guider is not None else []
        for holder in holders:
            inputs = tracer.nodes[holder].inputs
            for port in _POSITIVE:
                found, _ = tracer.texts(inputs.get(port), "positive")
                positive |= {text.key: text for text in found}
            for port in _NEGATIVE:
                found, is_zero = tracer.texts(inputs.get(port), "negative")
                zeroed = zeroed or is_zero
                negative |= {text.key: text for text in found}
    if not positive and not negative:
        for key in chosen:
            for text in tracer.own_texts(key):
                (negative if text.input.startswith("negative") else positive)[text.key] = text
    negative = {key: text for key, text in negative.items() if key not in positive}
    return tuple(positive.values()), tuple(negative.values()), zeroed and not negative


def _models(chosen: Mapping[str, Any], lora_names: set[str]) -> tuple[Model, ...]:
    found: dict[str, Model] = {}
    for key, node in chosen.items():
        for name, value in node.inputs.items():
            is_model = isinstance(value, str) and value.lower().endswith(MODEL_ENDINGS)
            if is_model and value not in lora_names:
                found.setdefault(value, Model(value, node.class_type, key, str(name)))
    return tuple(found.values())


def _size(tracer: Tracer, wanted: tuple[str, ...], samplers: list[str]) -> tuple[Traced, Traced] | None:
    """The size that was asked for: of what the first sampler begins with, else of the nearest node."""
    places = [tracer.before(key) for key in samplers[:1]] or [wanted]
    for place in places:
        for key in reversed(place):
            width, height = tracer.value(key, ("width",), ()), tracer.value(key, ("height",), ())
            scales = "upscale" in tracer.nodes[key].class_type.lower()
            if width is not None and height is not None and not scales:
                return width, height
    return None


def _batch(tracer: Tracer, wanted: tuple[str, ...]) -> Traced | None:
    for key in wanted:
        found = tracer.value(key, ("batch_size",), ())
        if found is not None and found.value != 1:
            return found
    return None
