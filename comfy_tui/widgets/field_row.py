"""The values of a workflow as rows of a form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from comfy_tui.inventory.nodes import NodeInfo
from comfy_tui.inventory.prepare import Prepared
from comfy_tui.text import clean, count_of
from comfy_tui.widgets.row import Cell, Column, Row
from comfy_tui.workflow.choices import with_choices
from comfy_tui.workflow.edits import MAX_COPIES, Edits, Key
from comfy_tui.workflow.parameters import Field, FieldKind, SeedMode, fields
from comfy_tui.workflow.typed import ValueKind, ValueRule, find_spec, rule_for, write_value

COLUMNS = (Column("What", 15), Column("Node", 20, drop=1), Column("Input", 16, drop=2), Column("Value"))
COPIES, SEEDS = "#copies", "#seeds"
COPIES_RULE = ValueRule(ValueKind.INT, 1, MAX_COPIES)
_SHOWN_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class FormField:
    """A value with what may be typed for it."""

    field: Field
    rule: ValueRule
    value: Any
    edited: bool

    @property
    def key(self) -> str:
        """The row."""
        return f"{self.field.node_id}\n{self.field.input}"

    @property
    def place(self) -> str:
        """Which input of which node, for a person."""
        return clean(f"{self.field.title} ({self.field.node_id}), {self.field.input}")

    @property
    def is_wrong(self) -> bool:
        """Whether the server would not take it."""
        rule, value = self.rule, self.value
        if not rule.declared:
            return False
        if rule.kind is ValueKind.CHOICE:
            return value not in rule.choices
        if rule.kind not in (ValueKind.INT, ValueKind.FLOAT) or not isinstance(value, int | float):
            return False
        return (rule.least is not None and value < rule.least) or (
            rule.most is not None and value > rule.most
        )


class FormFields:
    """All values of a prepared workflow.

    Args:
        prepared: it has a prompt.
        info: the server's node classes, where they are known.
    """

    def __init__(self, prepared: Prepared, info: NodeInfo | None) -> None:
        assert prepared.prompt is not None
        self._prepared = prepared
        self._info = info
        self._chosen: Mapping[str, Any] | None = None
        self.take(Edits())
        self.modes = tuple(dict.fromkeys(c.mode for c in prepared.controls if c.mode != "fixed"))

    def take(self, edits: Edits) -> None:
        """Follow the choices that bring other values; a value as in the file is one of these."""
        info = self._info
        definitions = info.definitions if info is not None else None
        chosen = with_choices(self._prepared.prompt or {}, edits.values, definitions)
        if self._chosen is None or chosen != self._chosen:
            self._chosen = chosen
            self._fields = tuple(self._as_in_the_file(field, edits) for field in fields(chosen))

    def _as_in_the_file(self, field: Field, edits: Edits) -> Field:
        """A choice that was changed is in the values that it brings; the file has another one."""
        node = (self._prepared.prompt or {}).get(field.node_id)
        inputs = node.get("inputs") if isinstance(node, Mapping) else None
        if field.value != edits.values.get(field.key, field) or not isinstance(inputs, Mapping):
            return field
        return replace(field, value=inputs.get(field.input, field.value))

    @property
    def has_seeds(self) -> bool:
        """Whether anything is drawn by chance."""
        return any(field.kind is FieldKind.SEED for field in self._fields)

    @property
    def others(self) -> int:
        """How many values are shown only on demand."""
        return sum(field.kind is FieldKind.OTHER for field in self._fields)

    def shown(self, *, everything: bool) -> tuple[Field, ...]:
        """The values to list."""
        usual = tuple(field for field in self._fields if field.kind is not FieldKind.OTHER)
        return self._fields if everything or not usual else usual

    def is_usual(self, key: Key) -> bool:
        """Whether the value is listed without asking for everything."""
        return any(field.key == key for field in self.shown(everything=False))

    def find(self, key: str, edits: Edits) -> FormField | None:
        """The value of a row."""
        for field in self._fields:
            if f"{field.node_id}\n{field.input}" == key:
                return self.form_field(field, edits)
        return None

    def form_field(self, field: Field, edits: Edits) -> FormField:
        """A value as it is now."""
        node = (self._chosen or {}).get(field.node_id)
        inputs = node.get("inputs") if isinstance(node, Mapping) else None
        known: dict[str, Any] = dict(inputs) if isinstance(inputs, Mapping) else {}
        changes: dict[Key, Any] = {**edits.values, **edits.moved}
        known |= {name: value for (node_id, name), value in changes.items() if node_id == field.node_id}
        definition = self._info.definition(field.class_type) if self._info is not None else None
        rule = rule_for(field, find_spec(definition, field.input, known))
        return FormField(field, rule, changes.get(field.key, field.value), field.key in edits.values)

    def rows(self, edits: Edits, *, everything: bool) -> Iterator[Row]:
        """The rows: copies and seeds first, then the values."""
        yield Row(COPIES, ("copies", "", "", Cell(str(edits.count), "accent" if edits.count != 1 else "")))
        if self.has_seeds or self.modes:
            look = "accent" if edits.seed is not None else ""
            yield Row(SEEDS, ("seeds", "", "", Cell(self.seed_words(edits), look)))
        for field in self.shown(everything=everything):
            shown = self.form_field(field, edits)
            value = clean(write_value(shown.value), _SHOWN_CHARACTERS)
            look = "bad" if shown.is_wrong else "accent" if shown.edited else ""
            mark = "* " if shown.edited else ""
            yield Row(
                shown.key,
                (
                    field.kind.value,
                    clean(f"{field.title} ({field.node_id})", 80),
                    clean(field.input, 80),
                    Cell(mark + value, look),
                ),
            )

    def seed_words(self, edits: Edits) -> str:
        """What happens to the seeds."""
        match edits.seed:
            case None if self.modes:
                return f"as the workflow says: {', '.join(self.modes)} after each copy"
            case None | SeedMode.KEEP:
                return "keep"
            case SeedMode.RANDOM:
                return "random for each copy"
            case SeedMode.INCREMENT:
                return "count up with each copy"

    def next_seed(self, seed: SeedMode | None) -> SeedMode | None:
        """The next way to treat seeds."""
        ways = (None, *SeedMode) if self.modes else (None, SeedMode.RANDOM, SeedMode.INCREMENT)
        return ways[(ways.index(seed) + 1) % len(ways)] if seed in ways else None

    def more_words(self, *, everything: bool) -> str:
        """How many values are hidden, and the key for them."""
        if not self.others or self.others == len(self._fields):
            return ""
        return (
            "m shows the usual ones only" if everything else f"m shows {count_of(self.others, 'more value')}"
        )
