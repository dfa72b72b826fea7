"""What a fresh demo server has: a picture, and workflows to try."""

from __future__ import annotations

from .state import DemoState


def seed_folders(state: DemoState) -> None:
    """Put files into the folders."""


def warm_up_prompts(state: DemoState) -> None:
    """Queue a few."""
