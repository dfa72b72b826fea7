"""A secret in a crash report: Textual prints the locals of every frame with Rich."""

from __future__ import annotations

import io
from dataclasses import dataclass

import pytest
from rich.console import Console
from rich.traceback import Traceback

from comfy_tui.secret import Secret


@dataclass
class Holder:
    text: Secret


@pytest.mark.parametrize("length", [1, 40])
def test_a_crash_report_shows_no_secret_of_any_length(length: int) -> None:
    secret = Secret("geheim" * length)
    held = {"token": secret, "list": [secret], "in": Holder(secret)}
    screen = io.StringIO()
    try:
        raise ValueError(f"{secret} %s" % secret + str(len(held)))
    except ValueError:
        Console(file=screen, width=200).print(Traceback(show_locals=True, width=None, locals_max_length=5))
    report = screen.getvalue().replace('"geheim"', "")  # the line of source above
    assert "***" in report
    assert "geheim" not in report


def test_a_part_of_a_secret_is_secret_and_the_whole_is_given_on_request() -> None:
    secret = Secret("geheim")
    assert [repr(secret[:3]), str(secret[0]), f"{secret[1:]}"] == ["***"] * 3
    assert secret.reveal() == "geheim"
    assert type(secret.reveal()) is str
