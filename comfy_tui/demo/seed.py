"""What a fresh demo server has: a picture, and workflows to try."""

from __future__ import annotations

import functools
import io
import json
import uuid
from pathlib import Path
from typing import Any

from PIL import Image

from .hostile import dress_document, hostile_name
from .nodes.sampling import paint
from .queue import Job
from .state import DemoState
from .validation import Validator

WORKFLOWS = Path(__file__).parent / "workflows"
_WARM_UP = ("text_to_image.json", "blend_and_blur.json", "text_to_image.json")


def seed_folders(state: DemoState) -> None:
    """Put a picture into the input folder and the workflows into the user's, where they lack."""
    picture = state.folders.root / "input" / "example.png"
    if not picture.exists():
        picture.write_bytes(_example())
    if state.options.hostile:
        Image.new("RGB", (8, 8)).save(picture.with_name(hostile_name("example") + ".png"))
    target = state.folders.user / "workflows"
    target.mkdir(parents=True, exist_ok=True)
    for source in WORKFLOWS.glob("*.json"):
        stem = hostile_name(source.stem) if state.options.hostile else source.stem
        copy = target / f"{stem}.json"
        if not copy.exists():
            copy.write_text(workflow_text(source.name, state), "utf-8")


@functools.cache
def _example() -> bytes:
    out = io.BytesIO()
    paint("an example", 7, (512, 512)).save(out, "PNG", compress_level=1)
    return out.getvalue()


def workflow_text(name: str, state: DemoState) -> str:
    """A shipped workflow as JSON text."""
    text = (WORKFLOWS / name).read_text("utf-8")
    if not state.options.hostile:
        return text
    document: dict[str, Any] = json.loads(text)
    dress_document(document)
    return json.dumps(document)


def warm_up_prompts(state: DemoState) -> None:
    """Queue three short workflows, so that there is something to look at."""
    for seed, name in enumerate(_WARM_UP):
        prompt: dict[str, Any] = json.loads(workflow_text(name, state))
        for node in prompt.values():
            if "seed" in node["inputs"]:
                node["inputs"]["seed"] = seed
        verdict = Validator(prompt, state, state.folders, legacy=state.legacy).check(None)
        extra: dict[str, Any] = {"client_id": "comfy-tui-demo"}
        if not state.legacy:
            extra["create_time"] = state.now_ms()
        state.queue.put(Job(state.queue.take_number({}), str(uuid.uuid4()), prompt, extra, verdict.outputs))
