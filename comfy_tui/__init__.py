"""comfy-tui: a keyboard-driven terminal console for ComfyUI servers."""

__version__ = "0.1.0"
