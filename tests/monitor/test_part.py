"""A file that is being saved: what its folder holds whatever goes wrong."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from comfy_tui.monitor import part
from comfy_tui.monitor.part import Part


def test_what_is_written_after_it_was_given_up_makes_no_file(tmp_path: Path) -> None:
    # A cancelled task leaves its thread behind.
    given_up = Part(tmp_path, [("a",)])
    given_up.write(b"x")
    given_up.discard()
    given_up.write(b"y")
    given_up.restart()
    never = Part(tmp_path, [("a",)])
    never.discard()
    never.write(b"y")
    assert os.listdir(tmp_path) == []


def test_beginning_again_leaves_nothing_of_before(tmp_path: Path) -> None:
    begun = Part(tmp_path, [("a",)])
    begun.write(b"a long one")
    begun.restart()
    begun.write(b"short")
    assert begun.publish().read_bytes() == b"short"


def test_some_of_the_disk_stays_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = 2 * part.DISK_RESERVE_BYTES
    monkeypatch.setattr(part.shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    Part(tmp_path, []).make_room(part.DISK_RESERVE_BYTES)
    with pytest.raises(OSError, match="No space left"):
        Part(tmp_path, []).make_room(part.DISK_RESERVE_BYTES + 1)


@pytest.mark.parametrize(("number", "published"), [(errno.EPERM, True), (errno.EIO, False)])
def test_only_where_there_are_no_links_another_way_is_taken(
    number: int, published: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", fail)
    whole = Part(tmp_path, [("a",), ("b",)])
    whole.write(b"x")
    if published:
        (tmp_path / "a").symlink_to("nowhere")
        assert whole.publish() == tmp_path / "b"
        assert (tmp_path / "a").is_symlink()
    else:
        with pytest.raises(OSError, match="Input/output"):
            whole.publish()
