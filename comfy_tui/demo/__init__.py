"""The embedded demo server: a small, honest ComfyUI of our own."""
