"""From the editor's format to the prompt that the server runs."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from comfy_tui.errors import WorkflowError
from comfy_tui.workflow.conversion.build import Builder
from comfy_tui.workflow.conversion.control import Control
from comfy_tui.workflow.conversion.controlled import find_controls
from comfy_tui.workflow.conversion.emit import Emitter, Expansion, Texts
from comfy_tui.workflow.conversion.frontend import frontend_of
from comfy_tui.workflow.conversion.load import Workflow
from comfy_tui.workflow.conversion.model import BYPASS, NEVER
from comfy_tui.workflow.conversion.packs import BROADCASTS
from comfy_tui.workflow.conversion.primitive import push_primitives
from comfy_tui.workflow.conversion.promote import Promotion
from comfy_tui.workflow.conversion.report import Report
from comfy_tui.workflow.definition import Definitions
from comfy_tui.workflow.diagnostic import Diagnostic


@dataclass(frozen=True, slots=True)
class Conversion:
    """A converted workflow.

    ``prompt`` is what to queue and shares nothing with the file. ``workflow`` is the editor document as
    it was given, to be sent along as ``extra_data.extra_pnginfo.workflow``. ``diagnostics`` say all that
    was missing, lost, guessed or repaired. ``controls`` are the values that change with every queued
    copy; see :func:`comfy_tui.workflow.next_values`.
    """

    prompt: dict[str, Any]
    workflow: dict[str, Any]
    diagnostics: tuple[Diagnostic, ...]
    controls: tuple[Control, ...] = ()


class Converter:
    """Converts workflows for one server; keeps what it has read of the server's node classes.

    Args:
        object_info: the server's ``/object_info``.
        frontend: a version of the browser's frontend to be like; None is the recommended way.

    Raises:
        ConfigError: ``frontend`` is no version.
    """

    def __init__(self, object_info: Mapping[str, Any] | Definitions, frontend: str | None = None) -> None:
        self._frontend = frontend_of(frontend)
        definitions = object_info if isinstance(object_info, Definitions) else Definitions(object_info)
        self.definitions = definitions
        self._builder = Builder(definitions)

    def convert(
        self,
        graph: Mapping[str, Any],
        *,
        now: datetime | None = None,
        rng: random.Random | None = None,
    ) -> Conversion:
        """Convert one workflow; see :func:`convert`."""
        listed = graph.get("nodes") if hasattr(graph, "get") else None  # callers pass what they read
        if not isinstance(listed, list):
            hint = "Save it in ComfyUI once more, or pass an API-format file to the server as it is."
            raise WorkflowError("Not an editor workflow", "it has no list of nodes", hint)
        try:
            return self._convert(graph, now or datetime.now(), rng or random.Random())
        except RecursionError as error:
            raise WorkflowError("Workflow too deep", "values lie too deeply in each other") from error

    def _convert(self, document: Mapping[str, Any], now: datetime, rng: random.Random) -> Conversion:
        report = Report()
        workflow = Workflow(document, self._builder, report, self._frontend)
        texts = Texts(workflow, now, rng)
        for graph in workflow.graphs:
            push_primitives(graph, texts.replace)
        promotion = Promotion()
        promotion.copy_inwards(workflow.graphs)
        expansion = Expansion(workflow, report)
        emitter = Emitter(texts, promotion, report)
        prompt = emitter.prompt(expansion)
        _report_unfollowed(workflow, report)
        controls = find_controls(expansion, promotion, emitter.promoted)
        kept = document if isinstance(document, dict) else dict(document)
        return Conversion(prompt, kept, report.diagnostics(expansion.ids()), tuple(controls))


def convert(
    graph: Mapping[str, Any],
    object_info: Mapping[str, Any] | Definitions,
    *,
    now: datetime | None = None,
    rng: random.Random | None = None,
) -> Conversion:
    """Convert an editor workflow into the prompt that the browser would queue for it.

    The rules are those of graph-to-prompt, with the deviations that it recommends in section 23.

    Args:
        graph: the editor document, format 0.4 or 1.
        object_info: the server's ``/object_info``. For many workflows make one :class:`Converter`.
        now: the local time for ``%date:...%``; the clock's by default.
        rng: the chance behind dynamic prompts; seed it to get the same prompt again.

    Raises:
        WorkflowError: ``graph`` is not an editor workflow. Anything wrong inside one is a diagnostic.
    """
    return Converter(object_info).convert(graph, now=now, rng=rng)


def _report_unfollowed(workflow: Workflow, report: Report) -> None:
    """Name the nodes whose links only their pack's JavaScript could make, and links no input names."""
    for graph in workflow.graphs:
        for node in graph.nodes.values():
            if node.type in BROADCASTS and node.mode not in (NEVER, BYPASS):
                text = f"the links that {node.type} makes exist in the browser only and are not followed"
                report.warn("unfollowed_links", text, node)
        if graph is workflow.root:
            unnamed = len(graph.links.keys() - graph.named)
            if unnamed:
                text = f"{unnamed} links of the link table end at no input and are ignored"
                report.warn("unnamed_link", text)
