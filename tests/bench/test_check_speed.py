"""A check of a large prompt, once on its own and again with what is kept of the server."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comfy_tui.inventory.node_table import NodeTable
from comfy_tui.workflow import Checker, check

pytestmark = pytest.mark.bench

TRUTH = Path(__file__).resolve().parents[3] / "shared" / "truth" / "object_info-0.26.0.json"
VERSION = "0.26.0"
ROUNDS = 15


def prompt_of(nodes: int, *, broken: bool) -> dict[str, Any]:
    """Chains of a loader, texts, samplers and a save node; broken ones have something wrong in each node."""
    made: dict[str, Any] = {}
    for at in range(0, nodes, 5):
        wrong = f"no_such_{at}" if broken else None
        a, b, c, d, e = (str(at + offset) for offset in range(5))
        made[a] = {"class_type": "LoadImage", "inputs": {"image": wrong or "example.png"}}
        made[b] = {"class_type": "ImageScale", "inputs": _scale(a, wrong)}
        made[c] = {"class_type": wrong or "ImageInvert", "inputs": {"image": [b, 0]}}
        made[d] = {"class_type": "ImageBlur", "inputs": {"image": [c, 0], "blur_radius": 1, "sigma": 1.0}}
        made[e] = {"class_type": "SaveImage", "inputs": {"images": [d, 0], "filename_prefix": "x"}}
    return made


def _scale(source: str, wrong: str | None) -> dict[str, Any]:
    size = {"width": 64, "height": 64, "crop": "disabled"}
    return {"image": [source, 0], "upscale_method": wrong or "bilinear", **size}


def median_ms(work: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


@pytest.mark.parametrize("broken", [False, True], ids=["sound", "broken"])
def test_a_prompt_of_500_nodes(broken: bool) -> None:
    if not TRUTH.is_file():
        pytest.skip(f"a server's node definitions are not at {TRUTH}")
    table = NodeTable.split(TRUTH.read_bytes())
    plain = json.loads(TRUTH.read_bytes())
    prompt = prompt_of(500, broken=broken)
    once = median_ms(lambda: check(prompt, plain, version=VERSION))
    checker = Checker(table, VERSION)
    started = time.perf_counter()
    checker.check(prompt)
    first = (time.perf_counter() - started) * 1000
    again = median_ms(lambda: checker.check(prompt))
    print(f"\n500 nodes: one-shot {once:.1f} ms; first with a table {first:.1f} ms; then {again:.1f} ms")
    assert checker.check(prompt) == check(prompt, plain, version=VERSION)
    assert again < 50
    assert once < 50
