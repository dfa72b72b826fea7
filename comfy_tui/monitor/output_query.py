"""Which outputs a person wants to see, and in which order.

A filter is words, which must all be somewhere in the name, prompt, workflow or node, and conditions such
as ``kind:video``, ``date:today``, ``server:NAME``, ``node:SaveImage``, ``is:marked``.  A minus in front turns
a condition round.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from comfy_tui.content.sniff import Medium
from comfy_tui.monitor.outputs import Output, searched

KINDS: dict[str, Medium] = {
    "picture": Medium.PICTURE,
    "image": Medium.PICTURE,
    "video": Medium.VIDEO,
    "audio": Medium.AUDIO,
    "sound": Medium.AUDIO,
    "3d": Medium.MODEL,
    "model": Medium.MODEL,
    "text": Medium.TEXT,
    "latent": Medium.LATENT,
    "file": Medium.OTHER,
}


class Order(StrEnum):
    """How outputs are sorted; the words are shown."""

    NEWEST = "newest first"
    OLDEST = "oldest first"
    NAME = "by name"
    KIND = "by kind"
    WORKFLOW = "by workflow"
    SEED = "by seed"

    @property
    def by_time(self) -> bool:
        """Whether outputs of one job stay together."""
        return self in (Order.NEWEST, Order.OLDEST)

    @property
    def next(self) -> Order:
        """The one after it, round and round."""
        every = list(Order)
        return every[(every.index(self) + 1) % len(every)]


@dataclass(frozen=True, slots=True)
class Known:
    """What a filter is compared with beside the output itself."""

    server: str = ""
    marked: Collection[str] = ()
    #: What a file is by its content, where that is known.
    medium: Callable[[Output], Medium | None] = lambda output: None
    today: datetime.date = datetime.date.min


_Test = Callable[[Output, Known], bool]


class OutputQuery:
    """A filter, read once and asked for each output."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._words: list[str] = []
        self._tests: list[tuple[bool, _Test]] = []
        for part in text.split():
            bare = part.removeprefix("-")
            test = _test(bare)
            if test is not None:
                self._tests.append((bare == part, test))
            else:
                self._words.append(part.casefold())

    def matches(self, output: Output, known: Known, texts: str) -> bool:
        """Whether it is wanted; ``texts`` as by :func:`texts_of`."""
        return all(word in texts for word in self._words) and all(
            test(output, known) is wanted for wanted, test in self._tests
        )


def texts_of(output: Output) -> str:
    """Everything that words are looked for in, in small letters."""
    return "\n".join(searched(output)).casefold()


def _test(part: str) -> _Test | None:
    name, colon, value = part.partition(":")
    name, value = name.casefold(), value.casefold()
    if not colon or not value:
        return None
    if name == "kind":
        return _kind(value)
    if name == "is":
        return _STATES.get(value)
    if name in ("date", "after", "before"):
        return _date(name, value)
    if name == "server":
        return lambda output, known: (
            value in (f"{output.server_name} {output.server}" if output.server else known.server).casefold()
        )
    if name == "node":
        return lambda output, known: (
            value in (output.node_name.casefold(), output.node_id.casefold())
            or (value in output.node_name.casefold())
        )
    if name == "workflow":
        return lambda output, known: value in output.job.title.casefold()
    if name == "seed":
        return lambda output, known: output.job.summary is not None and str(output.job.summary.seed) == value
    return None


_STATES: dict[str, _Test] = {
    "marked": lambda output, known: output.key in known.marked,
    "temp": lambda output, known: output.is_temporary,
    "temporary": lambda output, known: output.is_temporary,
    "saved": lambda output, known: output.file is not None and output.file.type == "output",
    "batch": lambda output, known: output.batch[1] > 1,
    "journal": lambda output, known: output.remembered,
    "ours": lambda output, known: output.job.ours,
}


def _kind(value: str) -> _Test:
    medium = KINDS.get(value.rstrip("s"), KINDS.get(value))
    if medium is None:  # an ending: kind:webp
        return lambda output, known: output.ending == value

    def test(output: Output, known: Known) -> bool:
        return (known.medium(output) or output.medium) is medium

    return test


def _date(name: str, value: str) -> _Test | None:
    """``date:today``, ``date:2026-11``, ``after:2026-11-20``; in the console's own time zone."""
    if name == "date" and value in ("today", "yesterday", "week"):
        back = {"today": 0, "yesterday": 1, "week": 6}[value]

        def relative(output: Output, known: Known) -> bool:
            made = _day(output)
            first = known.today - datetime.timedelta(days=back)
            return made is not None and (made == first if value != "week" else made >= first)

        return relative
    if name == "date":
        if len(value) not in (4, 7, 10) or not value.replace("-", "").isdigit():
            return None
        return lambda output, known: str(_day(output) or "").startswith(value)
    try:
        border = datetime.date.fromisoformat(value)
    except ValueError:
        return None

    def compared(output: Output, known: Known) -> bool:
        made = _day(output)
        return made is not None and (made > border if name == "after" else made < border)

    return compared


def _day(output: Output) -> datetime.date | None:
    made_at_s = output.made_at_s
    if made_at_s is None:
        return None
    try:
        return datetime.datetime.fromtimestamp(made_at_s).date()
    except (ValueError, OverflowError, OSError):
        return None


def ordered(outputs: Iterable[Output], order: Order) -> list[Output]:
    """In that order; they come newest first."""
    found = list(outputs)
    if order is Order.OLDEST:
        # The jobs are turned round, the files of one job are not.
        groups: dict[str, list[Output]] = {}
        for output in found:
            groups.setdefault(output.job.prompt_id, []).append(output)
        return [output for group in reversed(groups.values()) for output in group]
    keys: dict[Order, Callable[[Output], tuple[object, ...]]] = {
        Order.NAME: lambda output: (output.name.casefold(),),
        Order.KIND: lambda output: (output.medium.value, output.kind),
        Order.WORKFLOW: lambda output: (output.job.title.casefold(),),
        Order.SEED: lambda output: (
            output.job.summary.seed if output.job.summary and output.job.summary.seed is not None else -1,
        ),
    }
    if order in keys:
        found.sort(key=keys[order])
    return found
