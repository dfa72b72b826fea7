"""A report that can be posted: whole, and without what is nobody's business."""

from __future__ import annotations

from comfy_tui.comfy.events import LogEntry
from comfy_tui.comfy.types import Device, ExecutionError, JobRecord, JobState, SystemStats
from comfy_tui.monitor.logs.excerpt import around_failure
from comfy_tui.monitor.memory_log import MemoryLog
from comfy_tui.monitor.state import Job
from comfy_tui.monitor.troubleshoot.failure import failure_of, frames_of
from comfy_tui.monitor.troubleshoot.issue import issue_report

GB = 1024**3
FRAMES = (
    '  File "/home/ann/ComfyUI/execution.py", line 496, in execute\n    output = run()\n',
    '  File "/home/ann/ComfyUI/custom_nodes/pack/nodes.py", line 12, in run\n    raise ValueError(url)\n',
)


def stats(used: int, *argv: str) -> SystemStats:
    card = Device("cuda:0 NVIDIA GeForce", "cuda", 0, 24 * GB, 24 * GB - used, None, None)
    return SystemStats("0.26.0", "3.11.7 (main)", "2.9.0+cu128", "linux", None, None, argv, (), (card,))


def report(
    message: str = "cannot fetch https://x/?token=verysecret123456 @all [click](http://x)", **more: object
) -> str:
    error = ExecutionError(
        "3",
        "Fetch",
        "ValueError",
        message + "\n",
        FRAMES,
        {"api_key": ["hunter22"], "url": ["https://u:pw@h/"], "n": [4]},
    )
    prompt = {"3": {"class_type": "Fetch", "inputs": {}, "_meta": {"title": "My fetcher"}}}
    job = Job("p", JobState.FAILED, 1, "t", True, error=error)
    record = JobRecord("p", JobState.FAILED, 1, prompt=prompt)
    mark = LogEntry("2026-01-01T10:00:00", f"!!! Exception during processing !!! {message}\n")
    log = [LogEntry("2026-01-01T09:59:59", "Authorization: Bearer abcdefghijkl\n"), mark]
    excerpt = around_failure(log, error, None)
    values = {
        "excerpt": excerpt,
        "stats": stats(20 * GB, "main.py", "--base-directory", "/home/ann/c"),
        **more,
    }
    return issue_report(failure_of(job, record, **values))  # type: ignore[arg-type]


def test_what_is_in_it() -> None:
    text = report()
    assert text.startswith("## ValueError: cannot fetch")
    for words in (
        "**Node:** `Fetch` (node 3), titled “My fetcher”",
        "- ComfyUI: 0.26.0",
        "- PyTorch: 2.9.0+cu128",
        "- Device: cuda:0 NVIDIA GeForce (24.0 GB)",
        'nodes.py", line 12, in run',
        "### Log",
        "10:00:00 !!! Exception during processing !!!",
        "n = 4",
        "~/ComfyUI/custom_nodes/pack/nodes.py",
        "--base-directory ~/c",
    ):
        assert words in text, words


def test_what_is_not_in_it() -> None:
    text = report()
    for words in ("verysecret", "hunter22", ":pw@", "abcdefghijkl", "/home/ann", "ann/"):
        assert words not in text, words


def test_words_of_others_are_no_markdown() -> None:
    first = report().split("\n")[0]
    assert "\\@all" in first
    assert "\\[click\\]" in first
    fenced = report("x\n```\n# owned\n")
    assert "\n````text\n" in fenced


def test_the_memory_before_the_end() -> None:
    log = MemoryLog()
    for second, used in enumerate((2, 23, 20, 1)):
        log.add(stats(used * GB), 100.0 + second)
    then = log.at(103.0, 100.5)
    assert then is not None
    assert (
        "**Memory:** VRAM 20.0 GB of 24.0 GB in use 1 s before the end was seen, at most 23.0 GB"
        in report(memory=then)
    )
    assert log.at(50.0, 40.0) is None
    assert log.at(900.0, 890.0) is None


def test_frames_however_they_are_cut() -> None:
    whole = ExecutionError("3", "X", "E", "m", ("Traceback (most recent call last):\n" + "".join(FRAMES),))
    assert len(frames_of(whole)) == 2
    assert frames_of(ExecutionError("3", "X", "E", "m", ("odd",))) == ("odd",)
    assert frames_of(ExecutionError("3", "X", "E", "m")) == ()
