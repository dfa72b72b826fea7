"""The valid values nearest to a wrong one: "did you mean"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_LIMIT = 3
_FEW = 5
_ALIKE = 0.5
# A prompt may be wrong in hundreds of places: likeness is looked for so often, among so many.
_MOST_QUESTIONS = 60
_MOST_COMPARED = 200
_RAREST = 5
_LONG = 50
_NOISE = re.compile(r"[\s._\-]+")
_EXTENSION = re.compile(r"\.(safetensors|sft|ckpt|pt|pth|bin|gguf|png|jpe?g|webp|mp[34]|wav|flac|webm)$")


class Nearest:
    """Looks values up in lists of choices and finds near ones; each list is prepared once."""

    def __init__(self) -> None:
        self._sets: dict[int, tuple[Any, frozenset[Any]]] = {}
        self._prepared: dict[int, _Prepared] = {}
        self._answers: dict[tuple[int, str], tuple[str, ...]] = {}

    def holds(self, options: Any, value: Any) -> bool:
        """``value in options`` as Python means it, and quick for long lists of plain values.

        Raises:
            TypeError: where Python would, as the server's own look-up then does too.
        """
        if not isinstance(options, list) or len(options) < _LONG or not isinstance(value, (str, int, float)):
            return value in options
        known = self._sets.get(id(options))
        if known is None:
            plain = frozenset(o for o in options if isinstance(o, (str, int, float)))
            known = self._sets[id(options)] = (options, plain)
        return value in known[1]

    def among(self, value: Any, options: Sequence[Any], *, any_of_few: bool = True) -> tuple[str, ...]:
        """Up to three of ``options``, best first.

        The same file in another folder or with another ending comes first, then another spelling,
        then likeness. Where hardly any options exist, they are given instead (``any_of_few``).
        """
        few = _few(options) if any_of_few else ()
        if not isinstance(value, str) or not value or not options:
            return few
        key = (id(options), value)
        if key not in self._answers:
            prepared = self._prepared.get(id(options))
            if prepared is None:
                prepared = self._prepared[id(options)] = _Prepared(options)
            self._answers[key] = prepared.near(value, by_likeness=len(self._answers) < _MOST_QUESTIONS)
        return self._answers[key] or few


def _few(options: Sequence[Any]) -> tuple[str, ...]:
    shown = [str(o) for o in options if isinstance(o, (str, int, float))] if len(options) <= _FEW else []
    return tuple(shown[:_LIMIT])


class _Prepared:
    """One list of options, with what comparing needs. Holds the list, so that its id stays its own."""

    def __init__(self, options: Sequence[Any]) -> None:
        self.options = options
        self.by_stem: dict[str, list[str]] = {}
        for option in options:
            if isinstance(option, (str, int, float)):
                self.by_stem.setdefault(_stem(str(option)), []).append(str(option))
        self._pairs: dict[str, frozenset[str]] = {}
        self._having: dict[str, list[str]] = {}

    def near(self, value: str, *, by_likeness: bool) -> tuple[str, ...]:
        stem = _stem(value)
        found = list(self.by_stem.get(stem, ()))
        if len(found) < _LIMIT and by_likeness:
            found += [text for other in self._alike(stem) for text in self.by_stem[other]]
        return tuple(found[:_LIMIT])

    def _alike(self, stem: str) -> list[str]:
        """Stems that share at least half of their letter pairs, found through the rarest of them."""
        if not self._pairs:
            self._index()
        wanted = _pairs(stem)
        rarest = sorted((p for p in wanted if p in self._having), key=lambda p: (len(self._having[p]), p))
        candidates = dict.fromkeys(other for pair in rarest[:_RAREST] for other in self._having[pair])
        ranked = []
        for other in list(candidates)[:_MOST_COMPARED]:
            pairs = self._pairs[other]
            likeness = 2 * len(wanted & pairs) / (len(wanted) + len(pairs))
            if likeness >= _ALIKE and other != stem:
                ranked.append((-likeness, other))
        return [other for _, other in sorted(ranked)[:_LIMIT]]

    def _index(self) -> None:
        for stem in self.by_stem:
            pairs = self._pairs[stem] = _pairs(stem)
            for pair in pairs:
                self._having.setdefault(pair, []).append(stem)


def _stem(text: str) -> str:
    name = text[-300:].casefold().replace("\\", "/").rsplit("/", 1)[-1]
    return _NOISE.sub("", _EXTENSION.sub("", name))


def _pairs(text: str) -> frozenset[str]:
    return frozenset(text[i : i + 2] for i in range(max(1, len(text) - 1)))
