"""The latest picture of a running job, in the page and beside the list."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from PIL import Image

from comfy_tui.monitor.state import Preview
from comfy_tui.widgets import live_preview
from comfy_tui.widgets.live_preview import LivePreview
from queue_support import desk, graph, slow
from support import until


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 30, 30)).save(out, "JPEG")
    return out.getvalue()


@pytest.mark.parametrize(("size", "beside"), [((120, 40), True), ((80, 24), False)])
async def test_our_running_job_shows_its_latest_picture(size: tuple[int, int], beside: bool) -> None:
    async with desk(size=size, previews=True) as d:
        await d.ours("mine", slow())
        await d.ui.see("DemoSleep")
        if beside:
            await until(lambda: d.ui.app.screen.query_one(LivePreview).drawn, "the picture beside the list")
        await d.ui.press("enter")
        await d.ui.see("Parameters")
        await until(lambda: d.ui.app.screen.query_one(LivePreview).drawn, "the picture of the page")
        await d.ui.press("x", "y")
        await d.ui.see("cancelled")
        await until(lambda: not d.ui.app.screen.query_one(LivePreview).display, "no picture any more")


async def test_broken_pictures_leave_the_one_before_and_a_burst_is_drawn_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[bytes] = []
    decode = live_preview.decode

    def counted(content: bytes) -> object:
        made.append(content)
        return decode(content)

    monkeypatch.setattr(live_preview, "decode", counted)
    monkeypatch.setattr(live_preview, "PAUSE_S", 0.3)
    async with desk() as d:
        await d.ours("mine", graph("DemoHang"))
        await d.ui.see("DemoHang")
        widget, progress = d.ui.app.screen.query_one(LivePreview), d.ui.app.progress

        def come(number: int, image: bytes) -> None:
            d.ui.app.progress = replace(progress, preview=Preview(number, image))

        come(1, picture())
        await until(lambda: widget.drawn, "the first picture")
        shown = widget.decoded
        made.clear()
        for number in range(2, 50):
            come(number, b"\xff\xd8\xffbroken")
        come(50, b"\xff\xd8\xfflast")
        await until(lambda: made and made[-1] == b"\xff\xd8\xfflast", "the last picture")
        assert len(made) <= 2
        assert widget.decoded is shown
