"""Events of prompts that real servers send in ways of their own: what is shown of each."""

from __future__ import annotations

from typing import Any

from comfy_tui.comfy.events import (
    Cached,
    Event,
    Executing,
    Interrupted,
    NodeFailed,
    NodeProgress,
    NodeStep,
    PreviewFrame,
    ProgressState,
    Started,
    Succeeded,
)
from comfy_tui.comfy.types import JobState
from comfy_tui.monitor.log_steps import LogStep
from comfy_tui.monitor.progress import End, ProgressTracker

PROMPT: dict[str, Any] = {
    str(number): {"class_type": f"Class{number}", "inputs": {}, "_meta": {"title": f"Node {number}"}}
    for number in range(1, 5)
}


class Times:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def tracker(*events: Event, clock: Times | None = None) -> ProgressTracker:
    times = clock or Times()
    found = ProgressTracker(times, times)
    found.know("p", PROMPT)
    for event in events:
        found.feed(event)
    return found


def state(*nodes: NodeProgress) -> ProgressState:
    return ProgressState("p", nodes)


def running(node_id: str, value: float = 0, maximum: float = 1, **ids: str) -> NodeProgress:
    return NodeProgress(node_id, value, maximum, False, **ids)


def done(node_id: str, **ids: str) -> NodeProgress:
    return NodeProgress(node_id, 1, 1, True, **ids)


def test_of_nodes_that_run_side_by_side_the_one_that_moves_is_shown() -> None:
    seen = tracker(state(running("1", 0, 10), running("2", 0, 10)))
    assert seen.progress.node_title == "Node 2"
    seen.feed(state(running("1", 1, 10), running("2", 0, 10)))
    assert (seen.progress.node_title, seen.progress.value) == ("Node 1", 1)
    seen.feed(state(running("1", 1, 10), running("2", 0, 10)))
    assert seen.progress.node_title == "Node 1"


def test_a_node_with_lazy_inputs_runs_twice_and_is_one() -> None:
    seen = tracker(
        Executing("p", "3"), Executing("p", "1"), state(done("1"), running("3")), Executing("p", "3")
    )
    assert (seen.progress.node_title, seen.progress.nodes_done) == ("Node 3", 1)


def test_cached_nodes_are_done_and_counted() -> None:
    seen = tracker(Cached("p", ("1", "2", "unknown")), state(done("2"), done("3"), running("4")))
    assert (seen.progress.nodes_done, seen.progress.nodes_cached, seen.progress.nodes_total) == (3, 2, 4)


def test_nodes_of_an_expansion_are_not_counted_and_have_their_parents_title() -> None:
    inner = {"display_id": "1", "real_id": "1", "parent_id": "1"}
    seen = tracker(state(running("1"), done("1.0.0.1", **inner), running("1.0.0.2", 3, 9, **inner)))
    assert (seen.progress.node_title, seen.progress.value, seen.progress.nodes_done) == ("Node 1", 3, 0)
    seen.feed(NodeStep("p", "1.0.0.2", 4, 9))
    assert (seen.progress.node_title, seen.progress.value) == ("Node 1", 4)


def test_a_server_that_tells_steps_only_is_understood() -> None:
    times = Times()
    seen = tracker(Executing("p", "2"), clock=times)
    for step in range(1, 6):
        times.now_s = step * 2.0
        seen.feed(NodeStep("p", "2", step, 10))
    assert (seen.progress.node_title, seen.progress.per_s, seen.progress.steps_left_s) == ("Node 2", 0.5, 10)
    seen.feed(Executing("p", "3"))
    assert (seen.progress.max, seen.progress.per_s, seen.progress.steps_left_s) == (0, None, None)


def test_a_blocked_branch_is_not_the_end_and_not_the_outcome() -> None:
    blocked = NodeFailed("p", "2", "ExecutionBlocked", "", blocked=True)
    seen = tracker(Started("p"), blocked)
    assert seen.feed(state(running("3"))) is None
    seen.feed(Succeeded("p"))
    assert seen.feed(Executing("p", None)) == End("p", JobState.COMPLETED)


def test_the_last_word_before_the_end_is_the_outcome() -> None:
    failed = NodeFailed("p", "2", "ValueError", "no", blocked=False)
    for events, outcome in (
        ((failed,), JobState.FAILED),
        ((Interrupted("p", "2"),), JobState.CANCELLED),
        ((), None),
    ):
        seen = tracker(Started("p"), *events)
        assert seen.feed(Executing("p", None)) == End("p", outcome)
        assert seen.progress.prompt_id == ""


def test_pictures_without_an_id_belong_to_what_runs_and_others_are_left_out() -> None:
    seen = tracker(PreviewFrame(b"early"))
    assert seen.progress.preview is None
    seen.feed(Started("p"))
    seen.feed(PreviewFrame(b"first"))
    seen.feed(PreviewFrame(b"other", "q"))
    seen.feed(PreviewFrame(b"second", "p"))
    assert seen.progress.preview is not None
    assert (seen.progress.preview.image, seen.progress.preview.number) == (b"second", 2)
    seen.feed(Started("q"))
    assert seen.progress.preview is None


def test_the_log_is_believed_only_where_the_socket_is_silent() -> None:
    seen = tracker()
    seen.feed_log("p", LogStep(3, 10, 2.0))
    assert (seen.progress.from_log, seen.progress.value, seen.progress.steps_left_s) == (True, 3, 3.5)
    seen.feed(state(running("1", 5, 10)))
    assert (seen.progress.from_log, seen.progress.value) == (False, 5)
    seen.feed_log("p", LogStep(9, 10, 2.0))
    assert seen.progress.value == 5


def test_what_is_known_of_prompts_that_never_end_is_bounded() -> None:
    seen = ProgressTracker()
    for number in range(3000):
        seen.know(str(number), PROMPT)
    assert len(seen._titles) == 500
