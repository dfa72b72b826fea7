"""Entry: ``python -m comfy_tui`` and the ``comfy-tui`` command."""

from comfy_tui.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    raise SystemExit(main())
