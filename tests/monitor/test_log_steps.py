"""Bars in a server's log, as tqdm writes them."""

from __future__ import annotations

import pytest

from comfy_tui.comfy.events import LogEntry
from comfy_tui.monitor.log_steps import LogStep, last_step


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\r 35%|███▌      | 7/20 [00:03<00:05,  2.31it/s]", LogStep(7, 20, 2.31)),
        ("\r 10%|#         | 2/20 [00:20<03:00, 10.00s/it]", LogStep(2, 20, 0.1)),
        ("\r  0%|          | 0/20 [00:00<?, ?it/s]", LogStep(0, 20, None)),
        ("\r 50%|█████| 1/2 [00:01<00:01]\r100%|█████| 2/2 [00:02<00:00,  1.00it/s]\n", LogStep(2, 2, 1.0)),
        ("Sampling: 40%|████      | 2/5 [00:01<00:02,  1.50it/s, loss=0.2]", LogStep(2, 5, 1.5)),
    ],
)
def test_a_bar_is_read(text: str, expected: LogStep) -> None:
    assert last_step([LogEntry("", text)]) == expected


@pytest.mark.parametrize(
    "text",
    [
        "got prompt",
        "model.safetensors: 45%|####5     | 1.20G/3.00G [00:10<00:12, 120MB/s]",
        "\r 50%|█████| 9/2 [00:01<00:01]",
        "0/0 [",
        "%|" * 50_000,
        "1%|" + "|" * 1000 + " 1/2 [0:1<0:1",
    ],
)
def test_what_is_no_bar_of_steps_is_none(text: str) -> None:
    assert last_step([LogEntry("", text)]) is None


def test_the_newest_bar_counts() -> None:
    entries = [LogEntry("", f"{n}%| | {n}/9 [00:01<00:05, 1.0it/s]") for n in (1, 2, 3)]
    assert last_step([*entries, LogEntry("", "a word in between\n")]) == LogStep(3, 9, 1.0)
