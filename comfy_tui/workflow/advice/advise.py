"""From findings to advice."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from comfy_tui.workflow.advice.knowledge import Knowledge
from comfy_tui.workflow.advice.models import MissingModel, ModelAdvisor, is_model
from comfy_tui.workflow.advice.nodes import UPDATE_COMMANDS, MissingClass, advise_nodes, version_of
from comfy_tui.workflow.advice.saved import Saved, read_saved
from comfy_tui.workflow.advice.types import Advice, AdviceKind, Near, Origin
from comfy_tui.workflow.diagnostic import Diagnostic, Severity

_MISSING_CLASS = ("missing_node_type", "invalid_prompt")
_NOT_LISTED = "value_not_in_list"
_NO_FILE = ("custom_validation_failed", "file_not_chosen")
_EMBEDDING = re.compile(r"embedding:([^\s,:()\[\]<>]{1,200})")
_CORE_MODULES = ("nodes", "comfy_extras", "comfy_api_nodes")
_MOST_TEXT = 100_000


def advise(
    diagnostics: Iterable[Diagnostic],
    *,
    prompt: Mapping[str, Any] | None = None,
    workflow: Mapping[str, Any] | None = None,
    knowledge: Knowledge | None = None,
) -> tuple[Advice, ...]:
    """What to do about findings: first the nodes, then models, files and versions.

    Args:
        diagnostics: of a check and a conversion.
        prompt: the API-format prompt that was checked; without it values cannot be named.
        workflow: the editor document, where there is one: it names packs, versions and URLs.
        knowledge: what is known of the server and the world.
    """
    known = knowledge or Knowledge()
    found = list(diagnostics)
    values = _Values(prompt or {})
    saved = read_saved(workflow, prompt)
    missing = _missing_classes(found, known)
    advices = advise_nodes(missing, saved, known)
    advisor = ModelAdvisor(saved, known)
    wanted = [
        *_missing_models(found, values, advisor),
        *_models_of_missing(missing, saved, known),
        *_embeddings(values, known),
    ]
    advices += [advisor.advise(model) for model in _merged(wanted)]
    advices += _uploads(found, values)
    advices += _newer_choices(found, values, saved, known)
    advices += _packages(known)
    return tuple(advices)


class _Values:
    """The values of a prompt, whatever it holds."""

    def __init__(self, prompt: Mapping[str, Any]) -> None:
        self.prompt = prompt

    def get(self, node_id: str | None, name: str | None) -> Any:
        node = self.prompt.get(node_id) if node_id is not None else None
        inputs = node.get("inputs") if isinstance(node, Mapping) else None
        value = inputs.get(name) if isinstance(inputs, Mapping) and name is not None else None
        return value["__value__"] if isinstance(value, Mapping) and "__value__" in value else value

    def texts(self) -> Iterator[tuple[str, str, str, str]]:
        """Node id, class, input and text of every text."""
        for node_id, node in self.prompt.items():
            inputs = node.get("inputs") if isinstance(node, Mapping) else None
            for name, value in inputs.items() if isinstance(inputs, Mapping) else ():
                if isinstance(value, str):
                    yield str(node_id), str(node.get("class_type") or ""), str(name), value


def _missing_classes(found: Iterable[Diagnostic], known: Knowledge) -> list[MissingClass]:
    nodes: dict[str, list[str]] = {}
    severities: dict[str, Severity] = {}
    for one in found:
        name = one.class_type
        if one.code not in _MISSING_CLASS or not name or name in (known.object_info or ()):
            continue
        held = nodes.setdefault(name, [])
        if one.node_id is not None and one.node_id not in held:
            held.append(one.node_id)
        if severities.get(name) is not Severity.ERROR:
            severities[name] = one.severity
    return [MissingClass(name, tuple(ids), severities[name]) for name, ids in nodes.items()]


def _missing_models(
    found: Iterable[Diagnostic], values: _Values, advisor: ModelAdvisor
) -> Iterator[MissingModel]:
    for one in found:
        if one.code != _NOT_LISTED:
            continue
        given = values.get(one.node_id, one.input)
        for value in given if isinstance(given, list) else [given]:
            if is_model(value):
                yield MissingModel(
                    value,
                    (one.node_id,) if one.node_id is not None else (),
                    (one.class_type,) if one.class_type else (),
                    one.input,
                    one.severity,
                    advisor.folder_of(one.class_type, one.input),
                    one.suggestions,
                )


def _models_of_missing(
    missing: Iterable[MissingClass], saved: Saved, known: Knowledge
) -> Iterator[MissingModel]:
    """Files that nodes of missing classes use: nobody checks them, but their folder may be known."""
    for one in missing:
        for source in saved.used_by.get(one.name, ()):
            name = f"{source.subfolder}/{source.name}" if source.subfolder else source.name
            there = known.models.get(source.folder or "")
            if there is not None and name not in there and is_model(name):
                yield MissingModel(name, one.nodes, (one.name,), None, Severity.WARNING, source.folder)


def _embeddings(values: _Values, known: Knowledge) -> Iterator[MissingModel]:
    """``embedding:name`` in texts: the server leaves out what it lacks and only its log tells."""
    there = known.models.get("embeddings")
    if there is None:
        return
    names = {form for name in there for form in (name, name.replace("\\", "/"), name.rpartition(".")[0])}
    for node_id, class_type, name, text in values.texts():
        for wanted in _EMBEDDING.findall(text[:_MOST_TEXT]) if "embedding:" in text else ():
            wanted = wanted.rstrip(".")
            if wanted and wanted not in names:
                file_name = wanted if is_model(wanted) else f"{wanted}.safetensors"
                yield MissingModel(file_name, (node_id,), (class_type,), name, Severity.WARNING, "embeddings")


def _merged(wanted: Iterable[MissingModel]) -> Iterator[MissingModel]:
    """One entry a file, whatever the number of nodes that want it."""
    groups: dict[tuple[str, str | None], MissingModel] = {}
    for one in wanted:
        key = (one.value, one.folder)
        known = groups.get(key)
        groups[key] = (
            one
            if known is None
            else replace(
                known,
                nodes=tuple(dict.fromkeys((*known.nodes, *one.nodes))),
                classes=tuple(dict.fromkeys((*known.classes, *one.classes))),
                severity=Severity.ERROR
                if Severity.ERROR in (known.severity, one.severity)
                else known.severity,
            )
        )
    return iter(groups.values())


def _uploads(found: Iterable[Diagnostic], values: _Values) -> Iterator[Advice]:
    """Pictures, sounds and videos that loaders name."""
    for one in found:
        if one.code not in _NO_FILE or one.input is None:
            continue
        name = values.get(one.node_id, one.input)
        name = name if isinstance(name, str) and name.strip() else ""
        message = (
            f"The server's input folder lacks {name}." if name else f"No file is chosen for {one.input}."
        )
        yield Advice(
            AdviceKind.UPLOAD_FILE,
            name or one.input,
            one.severity,
            f"{message} Upload one from here, or choose one that is there.",
            Origin.SERVER,
            (one.node_id,) if one.node_id is not None else (),
            (one.class_type,) if one.class_type else (),
            one.input,
            name or None,
            near=tuple(Near("input", near) for near in one.suggestions),
        )


@dataclass(frozen=True, slots=True)
class _NewChoice:
    node_id: str
    class_type: str
    text: str
    needs: str


def _newer_choices(
    found: Iterable[Diagnostic], values: _Values, saved: Saved, known: Knowledge
) -> Iterator[Advice]:
    """A choice that ComfyUI's own node does not have yet, in a workflow made with a newer ComfyUI."""
    if known.version is None or known.object_info is None:
        return
    choices = []
    for one in found:
        value = values.get(one.node_id, one.input)
        if one.code != _NOT_LISTED or not isinstance(value, str) or is_model(value) or not one.class_type:
            continue
        raw = known.object_info.get(one.class_type)
        module = raw.get("python_module") if isinstance(raw, Mapping) else None
        if not isinstance(module, str) or module.split(".", 1)[0] not in _CORE_MODULES:
            continue
        newer = [v for v in saved.core.get(one.class_type, ()) if version_of(v) > version_of(known.version)]
        if newer:
            needs = min(newer, key=version_of)
            choices.append(_NewChoice(one.node_id or "", one.class_type, f"{one.input} {value[:60]}", needs))
    if choices:
        needs = max((c.needs for c in choices), key=version_of)
        named = ", ".join(dict.fromkeys(f"{c.class_type}: {c.text}" for c in choices[:5]))
        yield Advice(
            AdviceKind.UPDATE_COMFYUI,
            "ComfyUI",
            Severity.WARNING,
            f"The server ({known.version}) does not know these choices: {named}. "
            f"The workflow was made with ComfyUI {needs}; an update may bring them.",
            Origin.WORKFLOW,
            tuple(dict.fromkeys(c.node_id for c in choices)),
            tuple(dict.fromkeys(c.class_type for c in choices)),
            has=known.version,
            needs=needs,
            commands=UPDATE_COMMANDS,
        )


def _packages(known: Knowledge) -> Iterator[Advice]:
    """Packages that are older than what the server itself asks for (manager-and-models, section 5)."""
    for package in known.packages:
        has, needs = package.installed, package.required
        if not has or not needs or version_of(has) >= version_of(needs):
            continue
        yield Advice(
            AdviceKind.UPDATE_PACKAGE,
            package.name,
            Severity.INFO,
            f"The server has {package.name} {has} and asks for {needs}.",
            Origin.SERVER,
            has=has,
            needs=needs,
            commands=("pip install -r requirements.txt",),
        )
