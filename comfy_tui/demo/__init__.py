"""The embedded demo server: a small ComfyUI of our own, for the first run and for the tests.

Written from a description of the protocol; it shares no code with ComfyUI. Image nodes really run
(on Pillow), models and samplers are simulated and say so.

:func:`comfy_tui.demo.process.spawn_demo` starts it as a process and imports nothing heavy;
:class:`comfy_tui.demo.server.DemoServer` runs in the event loop of a test.
"""
