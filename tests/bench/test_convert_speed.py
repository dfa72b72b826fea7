"""Converting every template, beside the official CLI's converter where it is installed."""

from __future__ import annotations

import copy
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comfy_tui.workflow import Converter

pytestmark = pytest.mark.bench

TRUTH = Path(__file__).resolve().parents[3] / "shared" / "truth"
ROUNDS = 3


def _milliseconds(convert: Callable[[Any], object], documents: list[Any]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        fresh = copy.deepcopy(documents)  # a converter may write into what it is given
        started = time.perf_counter()
        for document in fresh:
            convert(document)
        best = min(best, time.perf_counter() - started)
    return best * 1000 / len(documents)


def test_converting_all_templates() -> None:
    package = pytest.importorskip(
        "comfyui_workflow_templates_json", reason="the template package is not installed"
    )
    if not TRUTH.is_dir():
        pytest.skip(f"a server's node definitions are not at {TRUTH}")
    info = json.loads((TRUTH / "object_info-0.26.0.json").read_text())
    read = [
        json.loads(path.read_text())
        for path in sorted(Path(package.__file__).parent.glob("templates/*.json"))
    ]
    documents = [d for d in read if isinstance(d, dict) and isinstance(d.get("nodes"), list)]
    ours = _milliseconds(Converter(info).convert, documents)
    print(f"\nconversion: {ours:.2f} ms a template over {len(documents)}")
    assert ours < 2
    theirs = pytest.importorskip("comfy_cli.workflow_to_api", reason="comfy-cli is not installed")
    logging.disable(logging.CRITICAL)
    try:
        reference = _milliseconds(lambda document: theirs.convert_ui_to_api(document, info), documents)
    finally:
        logging.disable(logging.NOTSET)
    print(f"comfy-cli: {reference:.2f} ms a template")
    assert ours <= reference
