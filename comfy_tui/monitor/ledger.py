"""Which outputs were saved into which folder, shared by all consoles of a person.

An entry is a file of its own in the state folder, made exclusively: of two consoles that want to save
the same output by themselves, one gets the claim.  A claim that is not kept fresh has lost its console.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from comfy_tui import paths
from comfy_tui.comfy.types import OutputFile
from comfy_tui.errors import ComfyError

#: A claim older than this has lost its console.
STALE_S = 120.0
_MOST_ENTRIES = 20_000
_ENTRY_BYTES = 8192
_KEY_LENGTH = 40
_BASELINE_BYTES = 4_000_000


class Ledger:
    """The entries; its methods read and write files: call them in a thread.

    Args:
        folder: where the entries are; the state folder's ``saved`` if left out.
        clock: the time in Unix seconds.
    """

    def __init__(self, folder: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock

    def _place(self) -> Path:
        return self._folder or paths.state_dir() / "saved"

    def key(self, prompt_id: str, file: OutputFile, into: Path) -> str:
        """What an output of a job in a folder is called here."""
        parts = (prompt_id, file.type, file.subfolder, file.filename, str(into))
        return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:_KEY_LENGTH]

    def path(self, key: str) -> Path | None:
        """Where it was saved, as far as that is known and it is still there."""
        text = self._read(key)
        found = Path(text) if text and "\0" not in text else None
        try:
            return found if found is not None and found.is_file() else None
        except OSError:
            return None

    def is_done(self, key: str) -> bool:
        """Whether it was saved, wherever it is by now."""
        return bool(self._read(key))

    def _read(self, key: str) -> str:
        try:
            with (self._place() / key).open("rb") as file:
                return file.read(_ENTRY_BYTES).decode("utf-8", "surrogateescape")
        except OSError:
            return ""

    def claim(self, key: str) -> bool:
        """Whether it is ours to save now.

        Raises:
            OSError: no claim can be kept.
        """
        with contextlib.suppress(ComfyError):
            paths.ensure_private_dir(self._place())
        entry = self._place() / key
        with _alone(self._place()):
            if entry.exists() and not self._lost(entry):
                return False
            with contextlib.suppress(FileNotFoundError):
                entry.unlink()
            try:
                entry.open("xb").close()
            except FileExistsError:
                return False  # where there are no locks
            self._touch(entry)
        return True

    def _lost(self, entry: Path) -> bool:
        try:
            state = entry.stat()
        except FileNotFoundError:
            return True
        return state.st_size == 0 and self._clock() - state.st_mtime > STALE_S

    def refresh(self, key: str) -> None:
        """The claim is still ours."""
        with contextlib.suppress(OSError):
            self._touch(self._place() / key)

    def _touch(self, entry: Path) -> None:
        os.utime(entry, (self._clock(), self._clock()))

    def release(self, key: str) -> None:
        """It was not saved after all."""
        with contextlib.suppress(OSError):
            (self._place() / key).unlink()

    def done(self, key: str, path: Path) -> None:
        """It is saved; where that cannot be kept, nothing happens."""
        with contextlib.suppress(OSError, ComfyError):
            paths.ensure_private_dir(self._place())
            entry = self._place() / key
            aside = entry.with_suffix(f".{secrets.token_hex(4)}")
            aside.write_bytes(str(path).encode("utf-8", "surrogateescape")[:_ENTRY_BYTES])
            os.replace(aside, entry)

    def baseline(self, into: Path, server_url: str, ended: Iterable[str]) -> frozenset[str]:
        """The jobs of a server that had ended when automatic saving into a folder was first turned on.

        Args:
            into: the folder.
            server_url: the server.
            ended: the jobs that have ended, should this be the first time.

        Raises:
            OSError: they cannot be kept.
        """
        with contextlib.suppress(ComfyError):
            paths.ensure_private_dir(self._place())
        name = hashlib.sha256(f"{into}\0{server_url}".encode("utf-8", "replace")).hexdigest()[:40]
        file = self._place() / f"{name}.baseline"
        with contextlib.suppress(FileExistsError), file.open("x", encoding="utf-8") as opened:
            json.dump(sorted(ended), opened)
        try:
            with file.open("rb") as opened_again:
                found = json.loads(opened_again.read(_BASELINE_BYTES))
        except (ValueError, RecursionError):
            found = None
        listed = found if isinstance(found, list) else []
        return frozenset(item for item in listed if isinstance(item, str))

    def tidy(self) -> None:
        """Forget the oldest entries where there are very many."""
        with contextlib.suppress(OSError):
            entries = [item for item in os.scandir(self._place()) if len(item.name) == _KEY_LENGTH]
            if len(entries) > _MOST_ENTRIES:
                entries.sort(key=lambda item: item.stat().st_mtime)
                for item in entries[: len(entries) - _MOST_ENTRIES // 2]:
                    with contextlib.suppress(OSError):
                        os.unlink(item.path)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While no other console looks at a claim: a claim that was lost is taken over by one of them.

    The lock goes with the process that holds it.
    """
    try:
        import fcntl
    except ImportError:  # Windows: the exclusive file alone must do
        yield
        return
    with (folder / "lock").open("ab") as lock:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
