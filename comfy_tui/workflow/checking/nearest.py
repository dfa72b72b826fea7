"""The valid values nearest to a wrong one: "did you mean"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

_BIG = 3000
_ALIKE = 0.5
_FEW = 5
_LIMIT = 3
_NOISE = re.compile(r"[\s._\-]+")
_EXTENSION = re.compile(r"\.(safetensors|sft|ckpt|pt|pth|bin|gguf|png|jpe?g|webp|mp[34]|wav|flac|webm)$")


class Nearest:
    """Finds near values; each list is prepared once, each question answered once."""

    def __init__(self) -> None:
        self._prepared: dict[int, _Prepared] = {}
        self._answers: dict[tuple[int, str], tuple[str, ...]] = {}

    def among(self, value: Any, options: Sequence[Any], *, any_of_few: bool = True) -> tuple[str, ...]:
        """Up to three of ``options``, best first.

        The same file in another folder or with another ending comes first, then another spelling,
        then likeness. Where hardly any options exist, they are given instead (``any_of_few``).
        """
        few = _few(options) if any_of_few else ()
        if not isinstance(value, str) or not value:
            return few
        key = (id(options), value)
        if key not in self._answers:
            prepared = self._prepared.get(id(options))
            if prepared is None:
                prepared = self._prepared[id(options)] = _Prepared(options)
            self._answers[key] = prepared.near(value)
        return self._answers[key] or few


def _few(options: Sequence[Any]) -> tuple[str, ...]:
    shown = [str(o) for o in options if isinstance(o, (str, int, float))] if len(options) <= _FEW else []
    return tuple(shown[:_LIMIT])


class _Prepared:
    """One list of options, with what comparing needs. Holds the list, so that its id stays its own."""

    def __init__(self, options: Sequence[Any]) -> None:
        self.options = options
        self.texts = [str(o) for o in options if isinstance(o, (str, int, float))]
        self.by_stem: dict[str, list[str]] = {}
        stems = [_stem(text) for text in self.texts]
        for text, stem in zip(self.texts, stems, strict=True):
            self.by_stem.setdefault(stem, []).append(text)
        self.pairs: dict[str, frozenset[str]] = {stem: _pairs(stem) for stem in self._comparable(stems)}

    @staticmethod
    def _comparable(stems: Iterable[str]) -> list[str]:
        return list(dict.fromkeys(stems))[:_BIG]

    def near(self, value: str) -> tuple[str, ...]:
        stem = _stem(value)
        found = list(self.by_stem.get(stem, ()))
        if len(found) < _LIMIT:
            wanted = _pairs(stem)
            ranked = sorted(
                (-likeness, other)
                for other, pairs in self.pairs.items()
                if other != stem and (likeness := _likeness(wanted, pairs)) >= _ALIKE
            )
            found += [text for _, other in ranked[:_LIMIT] for text in self.by_stem[other]]
        return tuple(found[:_LIMIT])


def _stem(text: str) -> str:
    name = re.split(r"[\\/]", text[-300:].casefold())[-1]
    return _NOISE.sub("", _EXTENSION.sub("", name))


def _pairs(text: str) -> frozenset[str]:
    return frozenset(text[i : i + 2] for i in range(max(1, len(text) - 1)))


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / ((len(one) + len(other)) or 1)
