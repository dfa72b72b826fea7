"""Names of saved files: templates, and what a server may not do with them."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfy_tui.config import load_config
from comfy_tui.errors import ConfigError
from comfy_tui.naming import DEFAULT_NAME, FIELDS, NameTemplate, safe_name

VALUES = {
    "name": "ComfyUI_00001_",
    "ext": "png",
    "date": "2026-11-27",
    "workflow": "My flow/v2",
    "seed": "77",
}


def first(template: str, count: int = 1, **values: str) -> list[str]:
    names = NameTemplate.parse(template).names({**VALUES, **values})
    return ["/".join(parts) for parts in itertools.islice(names, count)]


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("{name}.{ext}", ["ComfyUI_00001_.png", "ComfyUI_00001_ (1).png"]),
        (
            "{date}/{workflow}_{seed}_{n}.{ext}",
            ["2026-11-27/My flow_v2_77_00001.png", "2026-11-27/My flow_v2_77_00002.png"],
        ),
        ("{seed}", ["77.png", "77 (1).png"]),
        ("{{x}}{n}.{ext}", ["{x}00001.png"]),
        ("{workflow}_{model}_{n}.{ext}", ["My flow_v2_00001.png"]),
    ],
)
def test_templates(template: str, names: list[str]) -> None:
    assert first(template, len(names)) == names


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../up.png", "up.png"),
        ("C:\\boot.ini", "boot.ini"),
        ("com1.tar.gz", "_com1.tar.gz"),
        ("LPT³.png", "_LPT³.png"),
        ("conin$", "_conin$"),
        ("console.png", "console.png"),
        ("a." + "x" * 30, "a." + "x" * 30),
        ("x" * 300 + ".png", "x" * 196 + ".png"),
        ("画" * 300 + ".png", "画" * 65 + ".png"),
        ("--.png", "output.png"),
        ("\0\x1b\u202e", "output"),
    ],
)
def test_names_of_a_server(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_what_would_part_a_value_joins_it() -> None:
    assert first("{workflow}_{n}.{ext}", workflow="a\\b/c") == ["a_b_c_00001.png"]


def test_a_file_without_an_ending_has_none() -> None:
    assert first("{name}.{ext}", name="README", ext="") == ["README"]


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{dat}/{n}.{ext}", "Did you mean {date}?"),
        ("{work_flow}", "Did you mean {workflow}?"),
        ("{zzzz}", "Fields: "),
        ("{n", "Write {{ or }}"),
        ("n}", "Write {{ or }}"),
        ("", "{name}.{ext}"),
        ("../{n}", "starts in the folder"),
        ("/tmp/{n}", "starts in the folder"),
        ("a//{n}", "starts in the folder"),
        ("~/{n}", "starts in the folder"),
        ("a/./{n}", "starts in the folder"),
        ("a\\{n}", "/ between folders"),
        ("/".join("x" * 20), "At most"),
    ],
)
def test_templates_that_cannot_be(template: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        NameTemplate.parse(template)
    assert words in caught.value.hint


def test_the_config_names_its_file_and_key(config_file: Path) -> None:
    config_file.write_text('save_name = "{sed}.{ext}"')
    with pytest.raises(ConfigError) as caught:
        load_config()
    assert str(config_file) in caught.value.message
    assert "save_name" in caught.value.message
    assert "{seed}" in caught.value.hint
    config_file.write_text('save_name = "{seed}_{n}.{ext}"\nauto_save = true')
    config = load_config()
    assert config.save_name.counts
    assert config.auto_save
    assert load_config(None, {"COMFY_TUI_SAVE_NAME": "{id}"}).save_name.text == "{id}"


_EVIL = st.text(max_size=300) | st.text(alphabet="./\\-~ \0\x1b:CONcon1\u202e画\ud800", max_size=60)


@settings(max_examples=300)
@given(
    st.fixed_dictionaries({name: _EVIL for name in FIELDS}),
    st.sampled_from(
        [
            DEFAULT_NAME.text,
            "{date}/{workflow}_{seed}_{n}.{ext}",
            "{prompt}/{model}/{name}",
            "{id}{node}.{ext}",
        ]
    ),
)
def test_whatever_the_server_says_the_name_stays_below_the_folder(
    values: dict[str, str], template: str
) -> None:
    parsed = NameTemplate.parse(template)
    stem, dot, ending = safe_name(values["name"]).rpartition(".")
    values |= {"name": stem if dot else ending, "ext": values["ext"]}
    names = list(itertools.islice(parsed.names(values), 3))
    assert len(set(names)) == 3
    root = Path("/folder")
    for parts in names:
        assert len(parts) == template.count("/") + 1
        path = root.joinpath(*parts)
        assert path.is_relative_to(root)
        for part in parts:
            assert part
            assert part[0] not in ".-~ "
            assert part not in ("", ".", "..")
            assert not set(part) & set('/\\\0<>:"|?*')
            assert len(part.encode()) <= 200 + len(" (2)")
            assert part.split(".")[0].upper() not in ("CON", "NUL", "AUX", "COM1")
            assert not any(ord(sign) < 32 or 0x7F <= ord(sign) < 0xA0 or sign == "\u202e" for sign in part)
