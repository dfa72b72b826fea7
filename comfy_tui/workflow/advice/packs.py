"""Which pack has a class: the Manager's map (manager-and-models, section 1.1).

The order is the recommended one: classes that a pack claims for itself, names that begin or end as a
pack's do, then the packs that list the class. Patterns are compared as plain text and only where they
are anchored: bare words among them catch classes of other packs.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from comfy_tui.workflow.advice.commands import safe_id, safe_url
from comfy_tui.workflow.advice.types import Pack

_CORE = re.compile(r"^https?://github\.com/(?:comfyanonymous|comfy-org)/comfyui/?$", re.IGNORECASE)
_SPECIAL = frozenset(".^$*+?{}[]|()\\")
_MOST_PATTERN = 100


@dataclass(frozen=True, slots=True)
class Affix:
    """A pattern that is a plain beginning or end of names."""

    text: str
    at_end: bool
    key: str

    def fits(self, class_type: str) -> bool:
        """Whether the name begins or ends like this."""
        return class_type.endswith(self.text) if self.at_end else class_type.startswith(self.text)


@dataclass(frozen=True, slots=True)
class PackMap:
    """Packs by class, as a Manager or its map file tells. ``packs`` is by their keys there."""

    packs: Mapping[str, Pack] = field(default_factory=dict)
    owners: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    claims: Mapping[str, str] = field(default_factory=dict)
    affixes: tuple[Affix, ...] = ()
    core: Collection[str] = frozenset()

    @classmethod
    def read(cls, mappings: Any) -> PackMap:
        """Read an answer of ``getmappings``, or an ``extension-node-map.json``; odd entries are left out."""
        packs: dict[str, Pack] = {}
        owners: dict[str, list[str]] = {}
        claims: dict[str, str] = {}
        affixes: list[Affix] = []
        core: set[str] = set()
        for key, classes, about in _entries(mappings):
            if _CORE.match(key):
                core.update(classes)
                continue
            pack = _pack(key, about)
            if pack is None:
                continue
            packs[key] = pack
            for class_type in classes:
                owners.setdefault(class_type, []).append(key)
            for class_type in _texts(about.get("preemptions")):
                claims.setdefault(class_type, key)
            affix = _affix(about.get("nodename_pattern"), key)
            if affix is not None:
                affixes.append(affix)
        listed = {class_type: tuple(dict.fromkeys(keys)) for class_type, keys in owners.items()}
        return cls(packs, listed, claims, tuple(affixes), frozenset(core))

    def find(self, class_type: str, beside: Collection[str] = ()) -> tuple[Pack, ...]:
        """The packs that may have a class, the best first.

        Args:
            class_type: the class.
            beside: the other classes that are looked for; a pack that has more of them is likelier.
        """
        name = class_type.strip()
        if name in self.claims:
            return (self.packs[self.claims[name]],)
        fitting = [affix.key for affix in self.affixes if affix.fits(name)]
        keys = [*fitting, *(key for key in self.owners.get(name, ()) if key not in fitting)]
        if len(keys) > 1:
            votes = {key: sum(self._has(key, other) for other in beside) for key in keys}
            keys.sort(key=lambda key: (key not in fitting, -votes[key]))
        return tuple(self.packs[key] for key in dict.fromkeys(keys))

    def _has(self, key: str, class_type: str) -> bool:
        return key in self.owners.get(class_type, ()) or any(
            affix.key == key and affix.fits(class_type) for affix in self.affixes
        )

    def is_settled(self, class_type: str) -> bool:
        """Whether there is no choice between packs: one claims the class, or its name tells."""
        name = class_type.strip()
        return name in self.claims or any(affix.fits(name) for affix in self.affixes)

    def __bool__(self) -> bool:
        return bool(self.packs or self.core)


def _entries(mappings: Any) -> Iterator[tuple[str, list[str], Mapping[str, Any]]]:
    for key, value in mappings.items() if isinstance(mappings, Mapping) else ():
        if isinstance(key, str) and isinstance(value, list) and value:
            about = value[1] if len(value) > 1 and isinstance(value[1], Mapping) else {}
            yield key, _texts(value[0]), about


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _pack(key: str, about: Mapping[str, Any]) -> Pack | None:
    """Keys are registry ids or URLs; both kinds stand in one answer (section 1.3)."""
    title = about.get("title_aux") or about.get("title")
    title = title if isinstance(title, str) else ""
    url = safe_url(key)
    if url is not None:
        return Pack(repository=url, title=title)
    return Pack(id=key, title=title) if safe_id(key) else None


def _affix(pattern: Any, key: str) -> Affix | None:
    if not isinstance(pattern, str) or not 3 <= len(pattern) <= _MOST_PATTERN:
        return None
    at_begin, at_end = pattern.startswith("^"), pattern.endswith("$") and not pattern.endswith("\\$")
    if at_begin == at_end:
        return None
    rest = pattern[1:] if at_begin else pattern[:-1]
    text = ""
    escaped = False
    for character in rest:
        if escaped:
            if character.isalnum():
                return None
            text, escaped = text + character, False
        elif character == "\\":
            escaped = True
        elif character in _SPECIAL:
            return None
        else:
            text += character
    return Affix(text, at_end, key) if len(text) > 1 and not escaped else None
