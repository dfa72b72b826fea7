from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy_tui.inventory.node_table import NodeTable

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), VALUES, max_size=6), st.booleans(), st.sampled_from([None, 0, 2]))
def test_it_reads_as_json_does(value: dict[str, Any], ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    expected = json.loads(text.decode("utf-8", "replace"))
    table = NodeTable.split(text)
    assert dict(table) == expected
    assert table == expected
    assert list(table) == list(expected)
    again = NodeTable.unpacked(*table.packed())
    assert dict(again) == expected
    assert dict(NodeTable.of(expected)) == expected


@given(st.binary(max_size=40) | st.text(alphabet='{}[]":,1ae\\ ', max_size=12).map(str.encode))
def test_what_json_refuses_it_refuses(text: bytes) -> None:
    try:
        expected = json.loads(text.decode("utf-8-sig", "replace"))
    except ValueError:
        expected = None
    if isinstance(expected, dict):
        assert dict(NodeTable.split(text)) == expected
    else:
        with pytest.raises(ValueError, match=r"\w"):
            NodeTable.split(text)


@pytest.mark.parametrize("text", [b'{"a":' + b"[" * 200_000, b'{"a":' * 100_000, b"[" * 200_000])
def test_deep_text_ends(text: bytes) -> None:
    with pytest.raises(ValueError, match="deep"):
        NodeTable.split(text)


def test_the_last_of_two_of_a_name_counts() -> None:
    assert dict(NodeTable.split(b'{"a": 1, "a": 2}')) == {"a": 2}


@pytest.mark.parametrize(
    "index", [[("a", 3)], [("a", 1)], [("a", 0), ("b", 2)], [("a", -2), ("b", 4)], [(1, 2)], [("a", True)]]
)
def test_an_index_that_does_not_fit(index: Any) -> None:
    with pytest.raises(ValueError, match="index"):
        NodeTable.unpacked(b"{}", index)


def test_a_class_that_cannot_be_read_is_absent_in_all_but_name() -> None:
    table = NodeTable.unpacked(b"{!1", [("bad", 2), ("good", 1)])
    assert (table["bad"], table["good"], len(table), "bad" in table) == (None, 1, 2, True)
    assert table.get("none") is None
    assert repr(table) == "<2 node classes>"
    assert NodeTable.of({"x": {1, 2}, "y": 1}) == {"y": 1}
    assert NodeTable.of(table) is table
