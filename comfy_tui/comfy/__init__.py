"""A ComfyUI server as seen from outside."""
