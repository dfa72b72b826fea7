"""An inventory at hand is faster than the JSON it came from, and reading one leaves the loop its turns."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comfy_tui.inventory.inventory import Inventory
from comfy_tui.inventory.node_table import NodeTable
from comfy_tui.inventory.store import InventoryStore

pytestmark = pytest.mark.bench
ROUNDS = 15
REAL = Path(__file__).resolve().parents[3] / "shared" / "truth" / "object_info-0.26.0.json"


def made_up(size_bytes: int) -> bytes:
    """An answer of ``/object_info`` of about that size, of classes as packs have them."""
    options = [f"folder/some_model_of_a_name_{number}.safetensors" for number in range(30)]
    nodes: dict[str, Any] = {}
    one = 0
    for number in range(1_000_000):
        if one * number >= size_bytes:
            break
        node = {
            "input": {
                "required": {
                    "model": ["MODEL", {"tooltip": "The model that is used here."}],
                    "name": [options, {"tooltip": "Which one."}],
                    "steps": ["INT", {"default": 20, "min": 1, "max": 10000, "step": 1}],
                    "text": ["STRING", {"multiline": True, "dynamicPrompts": True}],
                },
                "optional": {"mask": ["MASK"]},
            },
            "input_order": {"required": ["model", "name", "steps", "text"], "optional": ["mask"]},
            "output": ["LATENT", "IMAGE"],
            "name": f"Class{number}",
            "python_module": f"custom_nodes.pack_{number // 20}",
        }
        nodes[f"Class{number}"] = node
        one = one or len(json.dumps(node)) + 20
    return json.dumps(nodes).encode()


def answers() -> list[Any]:
    real = REAL.read_bytes() if REAL.is_file() else made_up(1_300_000)
    return [pytest.param(real, id="1.3MB"), pytest.param(made_up(20_000_000), id="20MB")]


def alternating(first: Callable[[], object], second: Callable[[], object]) -> tuple[float, float]:
    """The medians of both in milliseconds, taken in turns."""

    def milliseconds(work: Callable[[], object]) -> float:
        started = time.perf_counter()
        work()
        return (time.perf_counter() - started) * 1000

    pairs = [(milliseconds(first), milliseconds(second)) for _ in range(ROUNDS)]
    one, two = (statistics.median(column) for column in zip(*pairs, strict=True))
    return one, two


@pytest.mark.parametrize("text", answers())
def test_loading_what_was_kept_against_parsing_the_json(text: bytes, tmp_path: Path) -> None:
    store = InventoryStore(tmp_path)
    path = store.save(Inventory(server="http://box", comfyui_version="1", object_info=NodeTable.split(text)))
    assert path is not None
    plain = tmp_path / "object_info.json"
    plain.write_bytes(text)

    def load() -> None:
        kept = store.load("http://box")
        assert kept is not None
        for name in list(kept.object_info)[::20][:40]:  # what a large workflow uses
            assert kept.object_info[name]

    parsed, loaded = alternating(lambda: json.loads(plain.read_bytes()), load)
    size = path.stat().st_size / len(text)
    print(
        f"\n{len(text) / 1e6:.1f} MB: JSON {parsed:.1f} ms, kept {loaded:.1f} ms,"
        f" ratio {loaded / parsed:.2f}; size on disk {size:.2f} of the JSON"
    )
    assert loaded / parsed <= 0.7
    assert size <= 0.3


@pytest.mark.parametrize("text", answers())
def test_splitting_against_parsing(text: bytes) -> None:
    parsed, split = alternating(lambda: json.loads(text), lambda: NodeTable.split(text))
    print(f"\n{len(text) / 1e6:.1f} MB: JSON {parsed:.1f} ms, split {split:.1f} ms, {split / parsed:.2f}")
    assert split / parsed <= 2


@pytest.mark.parametrize("text", answers())
async def test_the_loop_goes_on_while_an_answer_is_read(text: bytes) -> None:
    async def longest_wait_ms(work: Callable[[bytes], object]) -> float:
        """The longest time between two turns of the loop while a thread works."""
        running = asyncio.create_task(asyncio.to_thread(work, text))
        longest, last = 0.0, time.perf_counter()
        while not running.done():
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
        await running
        return longest * 1000

    pairs = [(await longest_wait_ms(json.loads), await longest_wait_ms(NodeTable.split)) for _ in range(5)]
    parsed, split = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"\n{len(text) / 1e6:.1f} MB: the loop waits {parsed:.1f} ms for JSON, {split:.1f} ms for us")
    assert split <= 50
    if len(text) > 10_000_000:
        assert split / parsed <= 0.5
