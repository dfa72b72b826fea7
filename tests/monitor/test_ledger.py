"""Which outputs were saved: a claim is one console's, and what is done stays done."""

from __future__ import annotations

import os
from pathlib import Path

from comfy_tui.comfy.types import OutputFile
from comfy_tui.monitor.ledger import STALE_S, Ledger

FILE = OutputFile("a.png", "", "output", "1")


class Clock:
    now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_claim_is_lost_when_its_console_is_and_what_is_done_is_never(tmp_path: Path) -> None:
    clock = Clock()
    ours, theirs = (Ledger(tmp_path / "saved", clock) for _ in range(2))
    key = ours.key("job", FILE, tmp_path)
    assert ours.claim(key)
    clock.now_s += STALE_S
    assert not theirs.claim(key)
    ours.refresh(key)
    clock.now_s += STALE_S
    assert not theirs.claim(key)
    clock.now_s += 1
    assert theirs.claim(key)
    assert not theirs.is_done(key)
    (tmp_path / "a.png").write_bytes(b"x")
    theirs.done(key, tmp_path / "a.png")
    clock.now_s += 1000 * STALE_S
    assert not ours.claim(key)
    assert ours.is_done(key)
    assert ours.path(key) == tmp_path / "a.png"
    (tmp_path / "a.png").unlink()
    assert ours.is_done(key)
    assert ours.path(key) is None
    assert sorted(os.listdir(tmp_path / "saved")) == sorted([key, "lock"])


def test_a_claim_that_is_given_back_is_free(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "saved")
    key = ledger.key("job", FILE, tmp_path)
    assert ledger.claim(key)
    ledger.release(key)
    assert ledger.claim(key)


def test_keys_differ_by_everything_that_names_a_file(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    files = [FILE, OutputFile("a.png", "x", "output", "1"), OutputFile("a.png", "", "temp", "1")]
    keys = {ledger.key(job, file, tmp_path / into) for job in "12" for file in files for into in "ab"}
    assert len(keys) == 12


def test_only_what_had_ended_at_the_first_time_is_of_before(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "saved")
    assert ledger.baseline(tmp_path, "http://a", ["1", "2"]) == {"1", "2"}
    assert ledger.baseline(tmp_path, "http://a", ["1", "2", "3"]) == {"1", "2"}
    assert ledger.baseline(tmp_path, "http://b", ["3"]) == {"3"}
