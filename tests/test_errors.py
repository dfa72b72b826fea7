"""Every kind of error has a code of its own, and the guide explains it."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import comfy_tui
from comfy_tui.errors import ComfyError

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "guide" / "errors.md"


def kinds() -> list[type[ComfyError]]:
    for module in pkgutil.walk_packages(comfy_tui.__path__, "comfy_tui."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found: list[type[ComfyError]] = [ComfyError]
    for kind in found:
        found += [sub for sub in kind.__subclasses__() if sub not in found]
    return found


def test_every_code_is_explained() -> None:
    text = GUIDE.read_text("utf-8")
    assert [kind.__name__ for kind in kinds() if f"`{kind.code}`" not in text] == []


def test_a_code_belongs_to_one_kind() -> None:
    own = [kind for kind in kinds() if "code" in vars(kind)]
    assert len({kind.code for kind in own}) == len(own)


def test_an_error_says_what_and_what_to_do() -> None:
    error = ComfyError("Title", "message", "hint")
    assert (str(error), error.hint) == ("Title: message", "hint")
    assert str(ComfyError("Title")) == "Title"
