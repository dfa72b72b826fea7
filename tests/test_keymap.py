from __future__ import annotations

from collections import Counter

import pytest
from textual.app import App
from textual.binding import BindingsMap
from textual.keys import _character_to_key

from comfy_tui import key_name, keymap
from comfy_tui.errors import ConfigError
from comfy_tui.keymap import AREAS, KEYMAP, TOGETHER, user_keymap
from comfy_tui.widgets.bindings import bindings
from comfy_tui.widgets.hint_bar import HintBar, fitting


def test_the_table_is_sound() -> None:
    assert [name for name, count in Counter(known.id for known in KEYMAP).items() if count > 1] == []
    for known in KEYMAP:
        assert known.area in AREAS, known.id
        assert known.help.endswith("."), known.id
        assert known.label, known.id
        assert known.keys, known.id
        assert all(key_name.is_key(key) for key in known.keys), known.id


def test_every_area_is_somewhere() -> None:
    assert set(AREAS) == {area for areas in TOGETHER for area in areas}


@pytest.mark.parametrize("areas", TOGETHER, ids=lambda areas: areas[-1])
def test_the_defaults_do_not_collide(areas: tuple[str, ...]) -> None:
    keys = Counter(key_name.normal_key(key) for known in KEYMAP if known.area in areas for key in known.keys)
    assert [key for key, count in keys.items() if count > 1] == []


def test_a_binding_by_its_id() -> None:
    assert keymap.binding("app.help").keys == ("?", "f1")
    with pytest.raises(KeyError):
        keymap.binding("app.nothing")


@pytest.mark.parametrize(
    ("key", "normal"),
    [
        *(("x", "x"), ("X", "X"), ("shift+x", "X"), ("Ctrl+P", "ctrl+p"), ("ESC", "escape"), ("F5", "f5")),
        *(("slash", "/"), ("/", "/"), (" ", "space"), ("ctrl++", "ctrl++"), ("+", "+"), ("plus", "+")),
        *(("shift+ctrl+a", "ctrl+shift+a"), ("PgUp", "pageup"), ("question_mark", "?")),
    ],
)
def test_a_key_has_one_spelling(key: str, normal: str) -> None:
    assert key_name.normal_key(key) == normal
    assert key_name.normal_key(normal) == normal
    assert key_name.is_key(key)


@pytest.mark.parametrize("key", ["", "foo", "ctrl", "ctrl+", "ctrl+foo", "strg+a", "f99", "ab", "\x1b"])
def test_what_is_no_key(key: str) -> None:
    assert not key_name.is_key(key)


def test_signs_have_textuals_names() -> None:
    assert {sign: _character_to_key(sign) for sign in key_name.SIGN_NAMES} == key_name.SIGN_NAMES


def test_remaps_come_out_as_textual_takes_them() -> None:
    remaps = [("app.help", ("F2", "*")), ("job.cancel", ("Delete", ",")), ("job.clear", ("shift+d",))]
    assert user_keymap([(name, keys) for name, keys in remaps]) == {
        "app.help": "f2,asterisk",
        "job.cancel": "delete,comma",
        "job.clear": "D",
    }


def test_two_actions_may_swap_their_keys() -> None:
    assert user_keymap([("job.cancel", ("u",)), ("job.requeue", ("x",))]) == {
        "job.cancel": "u",
        "job.requeue": "x",
    }


def test_the_same_key_may_serve_on_two_screens() -> None:
    assert user_keymap([("output.save", ("x",))]) == {"output.save": "x"}


def test_all_mistakes_are_named_at_once() -> None:
    remaps = [("app.hlp", ("z",)), ("job.cancel", ("X", "foo")), ("list.open", ("r",)), ("app.free", ("Q",))]
    with pytest.raises(ConfigError) as caught:
        user_keymap(remaps, "/x/config.toml")
    message = caught.value.message
    assert message.startswith("/x/config.toml: keys.app.hlp: no such binding")
    assert "keys.job.cancel: 'foo' is not a key" in message
    assert "X would be both job.cancel and job.clear" in message
    assert "r would be both app.refresh and list.open" in message
    assert "Q would be both app.free and workflow.queue" in message
    assert "Did you mean app.help?" in caught.value.hint


def test_textual_takes_the_bindings() -> None:
    made = BindingsMap(bindings("app", "screen", "list", "job"))
    by_key = {key: binding.id for key, binding in made}
    assert by_key["question_mark"] == by_key["f1"] == "app.help"
    assert by_key["X"] == "job.clear"
    assert by_key["slash"] == "list.filter"
    assert "app.free" not in {binding.id for binding in bindings("app", leave_out={"app.free"})}


async def test_a_remapped_key_works_and_the_old_one_does_not() -> None:
    seen: list[str] = []

    class Sample(App[None]):
        BINDINGS = bindings("app")

        def action_show_help(self) -> None:
            seen.append("help")

    app = Sample()
    async with app.run_test() as pilot:
        await pilot.press("?", "f1")
        assert seen == ["help", "help"]
        app.set_keymap(user_keymap([("app.help", ("F2", "*"))]))
        await pilot.press("?", "f1", "f2", "asterisk")
        assert seen == ["help"] * 4


def test_spare_hints_are_others_than_those_always_shown() -> None:
    shown = {known.id for known in KEYMAP if known.show}
    assert {known.id for known in KEYMAP} - shown >= keymap.SPARE


@pytest.mark.parametrize(
    ("room", "shown"), [(40, {0, 1, 2, 3}), (39, {0, 1, 3}), (25, {0, 3}), (15, {3}), (5, set())]
)
def test_hints_that_do_not_fit_are_left_out_whole_the_spare_ones_first(room: int, shown: set[int]) -> None:
    assert fitting([10, 10, 10, 10], [1, 1, 2, 0], room) == shown


def test_hints_are_not_asked_for_before_their_screen_is_shown() -> None:
    # Python 3.12 and newer composes the first screen before it is on the stack.
    assert list(HintBar().compose()) == []
