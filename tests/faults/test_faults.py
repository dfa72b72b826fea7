"""The console through hundreds of runs in which almost everything between it and the server goes wrong.

Each run has a number, its seed, which decides the faults, the keys and the workflows.  A failure prints the
seed and the story of its console, in which ten runs follow each other; it is repeated, alone or with those
before it, with

    FAULT_SEEDS=15,16,17 python -m pytest -n0 --reruns 0 tests/faults/test_faults.py

(what the dice decide is the same then; when packets cross is up to the machine).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fault_run import GROUP, Runs

RUNS = 300
_ASKED = [int(word) for word in os.environ.get("FAULT_SEEDS", "").split(",") if word]
_GROUPS = [_ASKED] if _ASKED else [list(range(first, first + GROUP)) for first in range(0, RUNS, GROUP)]


@pytest.mark.parametrize("seeds", _GROUPS, ids=lambda seeds: f"{seeds[0]}-{seeds[-1]}")
async def test_no_job_is_lost_or_doubled(
    seeds: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("STATE", "CACHE", "DATA"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind.lower()))
    runs = Runs(seeds, tmp_path, monkeypatch)
    try:
        await runs.play()
    except BaseException as error:
        story = "\n".join(runs.story)
        told = runs.app.told[-12:]
        raise AssertionError(f"seed {runs.seed}: {error}\n{story}\ntold: {told}") from error
