"""The console through hundreds of runs in which almost everything between it and the server goes wrong.

Each run has a number, its seed, which decides the faults, the keys and the workflows.  A failure prints the
seed and the story of the run; it is repeated with

    FAULT_SEEDS=17,18 python -m pytest -n0 --reruns 0 tests/faults/test_faults.py

(what the dice decide is the same then; when packets cross is up to the machine).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fault_run import Run

RUNS = 300
_GROUP = 10
_ASKED = [int(word) for word in os.environ.get("FAULT_SEEDS", "").split(",") if word]
_GROUPS = [_ASKED] if _ASKED else [list(range(first, first + _GROUP)) for first in range(0, RUNS, _GROUP)]


@pytest.mark.parametrize("seeds", _GROUPS, ids=lambda seeds: f"{seeds[0]}-{seeds[-1]}")
async def test_no_job_is_lost_or_doubled(
    seeds: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in seeds:
        folder = tmp_path / str(seed)
        folder.mkdir()
        with monkeypatch.context() as patch:
            for kind in ("STATE", "CACHE", "DATA"):
                patch.setenv(f"XDG_{kind}_HOME", str(folder / kind.lower()))
            run = Run(seed, folder, patch)
            try:
                await run.play()
            except BaseException as error:
                story = "\n".join(run.story)
                raise AssertionError(f"seed {seed}: {error}\n{story}\ntold: {run.app.told[-12:]}") from error
