"""The generated tables of the guide are those of the code."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PAGES = sorted((REPOSITORY / "docs" / "guide").glob("*.md"))


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "generate_docs", REPOSITORY / "tests/tools/generate_docs.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_table_is_old(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert generator().renew(text) == text, "run: python tests/tools/generate_docs.py"


def test_every_table_is_somewhere() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for name in generator().TABLES:
        assert f"<!-- generated: {name} -->" in pages
