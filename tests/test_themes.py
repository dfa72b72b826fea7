from __future__ import annotations

import math
import tomllib
from itertools import combinations
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.color import Color
from textual.widgets import DataTable, Footer, Input

from comfy_tui import themes
from comfy_tui.themes import COLOURS, Theme, load_themes, read_theme

BUILTIN, _ = load_themes(Path("/nowhere"))
REPOSITORY = Path(__file__).resolve().parent.parent


def rgb(colour: str) -> tuple[float, ...]:
    """Linear light of a colour."""
    parts = [part / 255 for part in Color.parse(colour).rgb]
    return tuple(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)


def luminance(colour: str) -> float:
    red, green, blue = rgb(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


#: Deuteranopia, complete (Machado, Oliveira and Fernandes 2009), on linear light.
DEUTERANOPIA = (
    (0.367322, 0.860646, -0.227968),
    (0.280085, 0.672501, 0.047413),
    (-0.011820, 0.042940, 0.968881),
)


def lab(linear: tuple[float, ...]) -> tuple[float, float, float]:
    red, green, blue = (min(1.0, max(0.0, part)) for part in linear)
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def as_deuteranopes_see(colour: str) -> tuple[float, float, float]:
    linear = rgb(colour)
    return lab(tuple(sum(a * b for a, b in zip(row, linear, strict=True)) for row in DEUTERANOPIA))


def test_the_four_built_in_themes_are_there_and_sound() -> None:
    found, problems = load_themes(Path("/nowhere"))
    assert problems == ()
    assert [theme.name for theme in found] == ["colour-blind", "dark", "high-contrast", "light"]
    assert themes.DEFAULT_THEME in {theme.name for theme in found}
    assert all(theme.builtin and getattr(theme, colour) for theme in found for colour in COLOURS)


@pytest.mark.parametrize("theme", BUILTIN, ids=lambda theme: theme.name)
def test_text_can_be_read(theme: Theme) -> None:
    least = 7.0 if theme.name == "high-contrast" else 4.5
    grounds = (theme.background, theme.surface, theme.panel)
    texts = ("foreground", "primary", "secondary", "accent", "success", "warning", "error")
    for text in texts:
        for ground in grounds:
            assert contrast(getattr(theme, text), ground) >= least, (text, ground)
    for name, value in theme.variables:
        if name.startswith(("text", "footer-foreground", "footer-key")):
            assert contrast(value, theme.panel) >= least, name


def test_colour_blind_people_tell_the_states_apart() -> None:
    theme = next(theme for theme in BUILTIN if theme.name == "colour-blind")
    states = (theme.success, theme.warning, theme.error, theme.foreground)
    for one, other in combinations(states, 2):
        assert math.dist(as_deuteranopes_see(one), as_deuteranopes_see(other)) > 25, (one, other)


async def test_textual_draws_each_of_them() -> None:
    class Sample(App[None]):
        def compose(self) -> ComposeResult:
            yield DataTable()
            yield Input()
            yield Footer()

    app = Sample()
    async with app.run_test() as pilot:
        for theme in BUILTIN:
            app.register_theme(theme.as_textual())
            app.theme = theme.name
            await pilot.pause()
            assert app.current_theme.dark is theme.dark


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_a_theme_of_the_user_is_found_and_replaces_a_built_in_one(isolated: Path) -> None:
    folder = isolated / ".config" / "comfy-tui" / "themes"
    write(folder, "mine.toml", 'primary = "#123"\n[variables]\nborder = "red"\ntext-muted = "auto 70%"\n')
    write(folder, "dark.toml", 'primary = "rgb(1,2,3)"\ndark = true\n')
    found, problems = load_themes()
    assert problems == ()
    by_name = {theme.name: theme for theme in found}
    assert by_name["mine"].variables == (("border", "red"), ("text-muted", "auto 70%"))
    assert by_name["dark"].primary == "rgb(1,2,3)"
    assert not by_name["dark"].builtin
    assert by_name["mine"].as_textual().variables == {"border": "red", "text-muted": "auto 70%"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("primary = '#12'", "primary: '#12' is not a colour"),
        ("primary = '$accent'", "'$accent' is not a colour"),
        ("primary = 'nosuch'", "is not a colour"),
        ("primary = 5", "this value is not a colour"),
        ("primary = ''", "is not a colour"),
        ("dark = true", "primary: is missing"),
        ("primary = '#123'\nprimery = '#123'", "primery: unknown key (did you mean primary?)"),
        ("primary = '#123'\ndark = 'yes'", "dark: expected true or false"),
        ("primary = '#123'\nvariables = 1", "variables: expected a table"),
        ("primary = '#123'\n[variables]\nbordr = 'red'", "variables.bordr: unknown (did you mean border?)"),
        ("primary = '#123'\n[variables]\nborder = '$x'", "variables.border: '$x' is not a colour"),
        ("primary = '#123'\n[variables]\nlink-style = 'fat'", "variables.link-style: expected styles"),
        ("primary = '#123'\n[variables]\nblock-cursor-text-style = 1", "expected styles"),
        ("primary =", "not TOML"),
        ("#" * 100_001, "larger than 100 kB"),
    ],
)
def test_a_bad_theme_is_left_out_and_named(tmp_path: Path, text: str, words: str) -> None:
    file = write(tmp_path, "bad.toml", text)
    theme, problems = read_theme(file)
    assert theme is None
    assert all(problem.startswith(f"{file}: ") for problem in problems)
    assert any(words in problem for problem in problems), problems


def test_all_bad_files_are_told_together_and_the_good_ones_work(tmp_path: Path) -> None:
    write(tmp_path, "one.toml", "primary = 'x'")
    write(tmp_path, "two.toml", "nonsense")
    write(tmp_path, "bad name!.toml", "primary = '#123'")
    write(tmp_path, "good.toml", "primary = '#123'")
    (tmp_path / "folder.toml").mkdir()
    found, problems = load_themes(tmp_path)
    assert len(problems) == 4
    assert {"good", "dark"} <= {theme.name for theme in found}


def test_the_wheel_carries_the_themes() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"] == {
        "themes": "comfy_tui/data/themes"
    }
    assert themes.builtin_dir() == REPOSITORY / "themes"


def test_in_a_wheel_they_are_found_beside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data" / "themes").mkdir(parents=True)
    monkeypatch.setattr(themes, "files", lambda package: tmp_path)
    assert themes.builtin_dir() == tmp_path / "data" / "themes"
