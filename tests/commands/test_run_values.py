"""Which node, input and value ``--set``, ``--image`` and ``--seed`` mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from comfy_tui.commands.run_values import Targets
from comfy_tui.errors import ConfigError
from comfy_tui.inventory.nodes import NodeInfo
from run_support import node

INFO: dict[str, Any] = {
    "Many": {
        "input": {
            "required": {
                "text": ["STRING", {"multiline": True}],
                "steps": ["INT", {"min": 1, "max": 50}],
                "cfg": ["FLOAT", {"min": 0.0}],
                "on": ["BOOLEAN", {}],
                "name": [["euler", "euler_a", "dpm++"], {}],
                "seed": ["INT", {"min": 0, "max": 99}],
                "image": ["IMAGE"],
                "odd": ["MY_TYPE", {}],
            },
            "optional": {"more": ["INT", {"min": 0}]},
        },
        "output": ["IMAGE"],
        "name": "Many",
    },
    "Load": {
        "input": {"required": {"file": [["a.png"], {"image_upload": True}]}},
        "output": [],
        "name": "Load",
    },
}
PROMPT: dict[str, Any] = {
    "1": node(
        "Many", "First", text="t", steps=4, cfg=1.0, on=True, name="euler", seed=5, image=["2", 0], odd=1
    ),
    "2": node("Many", "v1.5 = base", text="t", steps=4, seed=["9", 0]),
    "3:7": node("Load", "In", file="a.png"),
    "9": node("Strange", "Alone", value=3, words="w", nested={"a": 1}),
}


@pytest.fixture
def targets() -> Targets:
    return Targets(PROMPT, NodeInfo.of(INFO, None, 0.0))


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("1.steps=20", ("1", "steps"), 20),
        ("First.cfg=7", ("1", "cfg"), 7.0),
        ("first.cfg=7.5", ("1", "cfg"), 7.5),
        ("1.on=no", ("1", "on"), False),
        ("1.text=true", ("1", "text"), "true"),
        ("1.text=5", ("1", "text"), "5"),
        ("1.text=", ("1", "text"), ""),
        ("1.text=a=b.c", ("1", "text"), "a=b.c"),
        (r'1.text="a\nb"', ("1", "text"), "a\nb"),
        ('1.text="open', ("1", "text"), '"open'),
        ("1.name=dpm++", ("1", "name"), "dpm++"),
        ('1.name="euler"', ("1", "name"), "euler"),
        ("1.more=3", ("1", "more"), 3),
        ("v1.5 = base.steps=9", ("2", "steps"), 9),
        ("3:7.file=a.png", ("3:7", "file"), "a.png"),
        ("Load.file=a.png", ("3:7", "file"), "a.png"),
        ("9.value=4", ("9", "value"), 4),
        ("Strange.words=4", ("9", "words"), "4"),
        ('9.nested={"a": 2}', ("9", "nested"), {"a": 2}),
    ],
)
def test_assignments(targets: Targets, text: str, key: tuple[str, str], value: Any) -> None:
    found = targets.assignment(text)
    assert found == (key, value)
    assert type(found[1]) is type(value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Many.steps=1", "2 nodes"),
        ("Many.steps=1", 'by its id: 1 Many "First", 2 Many "v1.5 = base"'),
        ("8.steps=1", "no node is called 8"),
        ("Firts.steps=1", "Did you mean First?"),
        ("1.stesp=1", "Did you mean steps?"),
        ("1.steps=51", "the most is 50"),
        ("1.steps=2.5", "not a whole number"),
        ("1.cfg=nan", "not a finite number"),
        ("1.cfg=1e999", "not a finite number"),
        ("1.on=maybe", "type true or false"),
        ("1.name=eulr", "Did you mean euler"),
        ("1.image=x", "is connected: its value comes from node 2"),
        ("2.seed=1", "is connected: its value comes from node 9"),
        ("9.nested=[1]", "taken for a link"),
        ('9.nested={"a": 1e999}', "not finite"),
        ("1=2", "expected NODE.INPUT=VALUE"),
        ("", "expected NODE.INPUT=VALUE"),
        ("=", "expected NODE.INPUT=VALUE"),
        (".=", "no node is called"),
    ],
)
def test_what_cannot_be_meant(targets: Targets, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as found:
        targets.assignment(text)
    assert words in f"{found.value} {found.value.hint}"


def test_uploads(targets: Targets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a=b.png").write_bytes(b"x")
    assert targets.upload("x.png") == (("3:7", "file"), Path("x.png"))
    assert targets.upload("In=x=y.png") == (("3:7", "file"), Path("x=y.png"))
    assert targets.upload("a=b.png") == (("3:7", "file"), Path("a=b.png"))
    with pytest.raises(ConfigError, match="loads no file"):
        targets.upload("1=x.png")
    with pytest.raises(ConfigError, match="no node is called Inn"):
        targets.upload("Inn=x.png")


def test_seeds_and_their_limits(targets: Targets) -> None:
    assert targets.seeds() == (("1", "seed"),)
    assert targets.limits()[("1", "seed")] == 99
    linked = Targets({"2": PROMPT["2"], "9": PROMPT["9"]}, NodeInfo.of(INFO, None, 0.0))
    with pytest.raises(ConfigError, match="is connected to another node"):
        linked.seeds()
