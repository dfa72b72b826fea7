"""Files and texts, wherever a node puts them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfy_tui.comfy.node_output import read_outputs


def names(output: Any) -> list[str]:
    return [file.filename for file in read_outputs({"1": output})[0]]


@pytest.mark.parametrize(
    ("output", "found"),
    [
        ({"images": [{"filename": "a.png"}, {"filename": "b.png"}]}, ["a.png", "b.png"]),
        ({"gifs": {"filename": "v.mp4", "format": "video/h264-mp4", "fullpath": "/x/v.mp4"}}, ["v.mp4"]),
        ({"my own": [[{"filename": "deep.bin"}]], "other": {"inner": {"filename": "c"}}}, ["deep.bin", "c"]),
        ({"images": [{"filename": "a"}], "gifs": [{"filename": "a"}]}, ["a"]),
        ({"result": ["3d/mesh.glb", {"position": 1}, None]}, ["mesh.glb"]),
        ({"result": ["mesh.obj [temp]", "no model.txt", "/etc/x.glb", "C:\\x.glb"]}, ["mesh.obj"]),
        ({"images": [{"filename": ""}, {"filename": 3}, None, 7, "x", {}]}, []),
        ({"images": None, "files": "x", "n": 3}, []),
    ],
)
def test_files_under_any_key(output: Any, found: list[str]) -> None:
    assert names(output) == found


def test_where_they_are_and_which_move() -> None:
    output = {"images": [{"filename": "a.webp", "subfolder": "s", "type": "temp"}], "animated": [True]}
    (file,), texts = read_outputs({"9": output})
    assert (file.subfolder, file.type, file.node_id, file.key, file.animated) == (
        *("s", "temp", "9", "images"),
        True,
    )
    assert texts == ()
    (mesh,), _ = read_outputs({"4": {"result": ["3d/a/mesh.glb [input]"]}})
    assert (mesh.subfolder, mesh.type) == ("3d/a", "input")


def test_texts_are_those_meant_for_eyes() -> None:
    output = {"text": ["one", "two"], "string": "three", "tags": ["not", "these"]}
    assert [text.text for text in read_outputs({"1": output})[1]] == ["one", "two", "three"]


def test_nesting_and_number_end() -> None:
    nested: Any = {"filename": "bottom"}
    for _ in range(5000):
        nested = [nested]
    assert names({"images": nested}) == []
    assert len(names({"images": [{"filename": str(n)} for n in range(50_000)]})) < 50_000


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["filename", "subfolder", "type", "images", "text", "animated", "result", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(_json)
def test_no_shape_raises(data: Any) -> None:
    files, texts = read_outputs(data)
    assert all(isinstance(file.filename, str) and isinstance(file.subfolder, str) for file in files)
    assert all(isinstance(text.text, str) for text in texts)
