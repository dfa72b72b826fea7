"""Readers for the places in media files where ComfyUI leaves its prompt and workflow.

Each reader walks one kind of file by its own structure and never decodes a picture, a sound or a frame.
:mod:`comfy_tui.workflow.metadata` chooses the reader.
"""
