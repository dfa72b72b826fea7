"""What differs between server versions when they check a prompt (comfyui-api, sections 5 and 18).

Two versions were measured, 0.3.64 and 0.26.0. What lies between them is put with the newer rules from
0.4 on, where dynamic inputs and match types came in; that border is read, not measured.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_FIRST_NEW = (0, 4)
_NUMBERS = re.compile(r"\d+(?:\.\d+)*")


@dataclass(frozen=True, slots=True)
class Rules:
    """One version's ways.

    Attributes:
        missing_class: the type of the refusal for a class that the server lacks.
        checks_combo_options: ``COMBO`` with ``options`` is checked, not only the list form.
        any_matches: ``*``, match types and option lists into ``COMBO`` connect freely.
        dynamic_inputs: dynamic combos, autogrow groups and slots exist.
        walks_nodes_first: the handler reads every node before it checks it, and answers 500 where
            one is not as it should be (comfyui-api, section 4.4).
        names_cycles: cycles are reported, an entry for each node of the cycle.
    """

    missing_class: str
    checks_combo_options: bool
    any_matches: bool
    dynamic_inputs: bool
    walks_nodes_first: bool
    names_cycles: bool


OLD = Rules("invalid_prompt", False, False, False, False, False)
NEW = Rules("missing_node_type", True, True, True, True, True)


def rules_for(version: str | None) -> Rules:
    """The rules of a server version; the newest ones for None and for what holds no number.

    Suffixes of forks and builds do not count: ``0.26.0-demo`` is 0.26.0, ``v0.3.64+x`` is 0.3.64.
    """
    found = _NUMBERS.search(version or "")
    if not found:
        return NEW
    numbers = tuple(int(part[:9]) for part in found.group().split("."))
    return NEW if numbers >= _FIRST_NEW else OLD
