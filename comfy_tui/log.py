"""The log file: what failed and when, in the state folder, private and bounded.

No header, token or password is ever written: only the titles and messages of errors.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from logging.handlers import RotatingFileHandler

from comfy_tui import paths
from comfy_tui.errors import ComfyError

_MAX_BYTES = 512 * 1024


def open_log() -> None:
    """Write the package's log to its file; where that cannot be, go on without."""
    file = paths.log_file()
    logger = logging.getLogger("comfy_tui")
    if logger.handlers:
        return
    logger.propagate = False
    with suppress(OSError, ComfyError):
        paths.ensure_private_dir(file.parent)
        handler = RotatingFileHandler(file, maxBytes=_MAX_BYTES, backupCount=1, encoding="utf-8", delay=True)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
