"""What to install, download, upload or update so that a workflow runs. Pure: values in, advice out.

The order in which sources are asked is that of manager-and-models, section 7. What is known is collected
by :mod:`comfy_tui.inventory.knowledge`; nothing here asks anybody, and nothing is ever run.
"""

from __future__ import annotations

from comfy_tui.workflow.advice.advise import advise
from comfy_tui.workflow.advice.knowledge import (
    Catalogue,
    InstalledPack,
    Knowledge,
    ModelSource,
    Package,
    RegistryPack,
    Replacement,
)
from comfy_tui.workflow.advice.packs import PackMap
from comfy_tui.workflow.advice.references import read_references
from comfy_tui.workflow.advice.replacement import replace_nodes
from comfy_tui.workflow.advice.script import as_script
from comfy_tui.workflow.advice.types import Advice, AdviceKind, Near, Origin, Pack

__all__ = [
    "Advice",
    "AdviceKind",
    "Catalogue",
    "InstalledPack",
    "Knowledge",
    "ModelSource",
    "Near",
    "Origin",
    "Pack",
    "PackMap",
    "Package",
    "RegistryPack",
    "Replacement",
    "advise",
    "as_script",
    "read_references",
    "replace_nodes",
]
