"""The page of a job as lines: what is masked, cut, and that size does not matter."""

from __future__ import annotations

from typing import Any

import pytest

from comfy_tui.comfy.types import ExecutionError, JobRecord, JobState, OutputText
from comfy_tui.masking import is_secret_name
from comfy_tui.widgets.job_report import MAX_LINES, report
from comfy_tui.widgets.line_view import fold
from comfy_tui.widgets.value_lines import shown_value


def _lines(prompt: dict[str, Any], **changes: Any) -> list[str]:
    record = JobRecord("id", JobState.COMPLETED, 1, prompt=prompt, **changes)
    return [f"{line.lead:<{line.indent}}{line.text}" for line in report(record, None)]


@pytest.mark.parametrize(
    "name", ["api_key", "apiKey", "APIKey", "token", "HF_TOKEN", "Password", "auth.bearer"]
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)
    assert shown_value(name, "hunter2") == "***"
    assert "hunter2" not in shown_value("x", {"a": [{name: "hunter2"}]})


@pytest.mark.parametrize("name", ["max_tokens", "keyframe", "monkey", "seed", "author", "text"])
def test_names_that_only_look_like_it(name: str) -> None:
    assert not is_secret_name(name)


def test_values_are_shown_as_they_are() -> None:
    assert shown_value("token", 3) == "3"
    assert shown_value("token", "") == ""
    assert shown_value("x", None) == "null"
    assert shown_value("x", 2**70) == str(2**70)
    assert shown_value("x", "a\x1b[31m\nb") == "a␛[31m\nb"
    assert shown_value("x", "a" * 5000).endswith("…")


def test_nodes_links_and_what_is_no_node() -> None:
    prompt = {
        "4": {"class_type": "Loader", "inputs": {"name": "x.safetensors"}, "_meta": {"title": "Mine"}},
        "5": {"class_type": "Sampler", "inputs": {"model": ["4", 0], "odd": [1, 2, 3], "lost": ["9", 1]}},
        "6": "garbage",
        "7": {"class_type": 3, "inputs": []},
    }
    text = "\n".join(_lines(prompt))
    assert '4  Loader "Mine"' in text
    assert "← 4:0 Mine" in text
    assert "← [1, 2, 3]" in text
    assert "← 9:1 not in this prompt" in text
    assert "6  not a node" in text


def test_the_error_names_its_node_and_hides_secrets() -> None:
    error = ExecutionError(
        "5",
        "Sampler",
        "ValueError",
        "boom\n",
        ("  File x\n", "    y\n"),
        {"api_key": ["s3cret"], "steps": [4]},
    )
    prompt = {"5": {"class_type": "Sampler", "inputs": {}, "_meta": {"title": "Mine"}}}
    text = "\n".join(_lines(prompt, error=error))
    assert 'Sampler (5) "Mine"' in text
    assert "ValueError" in text
    assert "boom" in text
    assert "s3cret" not in text
    assert "steps                4" in text
    assert "File x" in text
    assert "✗ 5  Sampler" in text


def test_texts_are_outputs_too_and_no_prompt_is_said() -> None:
    text = "\n".join(_lines({}, texts=(OutputText("hello\nworld", "3", "text"),)))
    assert "text of node 3" in text
    assert "world" in text
    assert "did not send the prompt" in text


def test_ten_thousand_nodes_are_quick_and_limited() -> None:
    prompt = {
        str(number): {"class_type": "Node", "inputs": {"a": [str(number - 1), 0], "b": "text" * 400, "c": 1}}
        for number in range(10_000)
    }
    lines = _lines(prompt)
    assert len(lines) <= MAX_LINES + 1
    assert "more than can be shown" in lines[-1]


def test_folding_cuts_at_spaces_and_keeps_everything() -> None:
    assert list(fold("one two three", 8)) == ["one two", "three"]
    assert list(fold("abcdefghij", 4)) == ["abcd", "efgh", "ij"]
    assert list(fold("日本語日本語", 5)) == ["日本", "語日", "本語"]
    assert list(fold("", 5)) == [""]
