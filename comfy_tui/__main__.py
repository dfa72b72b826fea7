"""Entry: ``python -m comfy_tui`` and the ``comfy-tui`` command."""


def main() -> int:
    """Run the command line; return the exit code."""
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
