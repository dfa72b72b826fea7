"""Reading what servers say: recordings of real ones, and any JSON at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfy_tui.comfy import events, wire
from comfy_tui.comfy.node_output import read_outputs
from comfy_tui.comfy.rejection import rejected_prompt
from comfy_tui.comfy.types import JobState
from comfy_tui.errors import ApiError

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "recordings"
recorded = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings of real servers are not here")


def load(name: str) -> Any:
    return json.loads((RECORDINGS / name).read_text("utf-8"))


def body(name: str) -> Any:
    """A recording's answer, whether it stands alone or beside its request."""
    data = load(name)
    return data.get("response", data.get("body", data)) if isinstance(data, dict) else data


@recorded
@pytest.mark.parametrize("version", ["0.3.64", "0.26.0"])
def test_real_stats_queue_and_history(version: str) -> None:
    stats = wire.read_system_stats(body(f"{version}/system_stats.json"))
    assert stats.comfyui_version == version
    assert not stats.devices[0].has_vram
    queue = wire.read_queue(body(f"{version}/queue_busy.json"))
    assert queue.running
    assert [job.number for job in queue.pending] == sorted(job.number for job in queue.pending)
    [done] = wire.read_history(body(f"{version}/history_success.json"))
    assert done.state is JobState.COMPLETED
    assert done.ended_at_s is not None
    [stopped] = wire.read_history(body(f"{version}/history_interrupted.json"))
    assert stopped.state is JobState.CANCELLED


@recorded
@pytest.mark.parametrize("version", ["0.3.64", "0.26.0"])
def test_real_rejections_name_a_reason(version: str) -> None:
    files = sorted((RECORDINGS / version / "prompt_errors").glob("*.json"))
    assert files
    for file in files:
        case = json.loads(file.read_text("utf-8"))
        if case["status"] != 400 or not isinstance(case["response"], dict):
            continue
        error = rejected_prompt(json.dumps(case["response"]).encode())
        assert error.title, file.name
        assert error.message, file.name
        assert error.hint, file.name


@recorded
@pytest.mark.parametrize(
    "file", sorted(RECORDINGS.glob("*/ws_*.jsonl")), ids=lambda file: f"{file.parent.name}-{file.stem}"
)
def test_real_sockets_are_read(file: Path) -> None:
    kinds: set[str] = set()
    for line in file.read_text("utf-8").splitlines():
        entry = json.loads(line)
        if entry.get("dir") == "recv":
            event = events.read_event(json.dumps(entry.get("json", entry.get("data"))))
            kinds.add(type(event).__name__)
    assert "Greeted" in kinds or "NoneType" in kinds


@recorded
def test_real_jobs() -> None:
    files = sorted((RECORDINGS / "0.26.0").glob("jobs_*.json"))
    assert files
    for file in files:
        data = body(f"0.26.0/{file.name}")
        if isinstance(data, dict) and isinstance(data.get("jobs"), list):
            assert len(wire.read_jobs(data).jobs) == len(data["jobs"])


KEYS = st.sampled_from(
    [
        "system",
        "devices",
        "name",
        "queue_running",
        "queue_pending",
        "prompt",
        "status",
        "messages",
        "outputs",
        "images",
        "filename",
        "jobs",
        "id",
        "workflow",
        "prompt_id",
        "node_errors",
        "errors",
        "type",
        "data",
        "path",
        "templates",
        "argv",
        "exec_info",
        "queue_remaining",
        "nodes",
        "extra_info",
        "error",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)
READERS: list[Callable[[Any], Any]] = [
    wire.read_system_stats,
    wire.read_queue,
    wire.read_history,
    wire.read_jobs,
    wire.read_node_errors,
    read_outputs,
    wire.read_user_files,
    wire.read_template_index,
    wire.read_pack_templates,
    wire.read_upload,
    wire.read_names,
    lambda data: wire.read_submitted(data, "id"),
    lambda data: events.read_event(json.dumps(data)),
    lambda data: rejected_prompt(json.dumps(data).encode()),
]


@settings(max_examples=150, deadline=None)
@given(JSON)
def test_any_json_is_read_or_refused_as_a_bad_reply(data: Any) -> None:
    for read in READERS:
        with suppress(ApiError):
            read(data)
