"""The outputs as tiles, filtered, sorted, enlarged, played and compared: keys in, screen out."""

from __future__ import annotations

import datetime
import io
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from comfy_tui.comfy.types import JobState, OutputFile
from comfy_tui.content.isolated import has_media_library
from comfy_tui.demo.server import DemoServer
from comfy_tui.monitor.gathered import Gathered
from comfy_tui.monitor.line_speed import LineSpeed
from comfy_tui.monitor.output_query import Known, Order, OutputQuery
from comfy_tui.monitor.outputs import outputs_of
from comfy_tui.monitor.state import Job
from comfy_tui.pictures.frame import has_cells
from comfy_tui.pictures.mode import ImageMode
from comfy_tui.screens.output_compare import OutputCompare, relation
from comfy_tui.widgets.output_browser import OutputBrowser
from support import Console, until
from test_outputs_screen import (
    BLUE,
    GREEN,
    RED,
    drawn_colours,
    opened,
    output_folder,
    picture,
    plain,
    run,
    sees,
)


def browser(ui: Console) -> OutputBrowser:
    return ui.app.screen.query_one(OutputBrowser)


def entry(server: DemoServer, files: dict[str, bytes], key: str = "images", **more: Any) -> None:
    """Put files into the newest job's outputs."""
    for name, content in files.items():
        (output_folder(server) / name).write_bytes(content)
    history = server.state.queue.history()
    listed = [{"filename": name, "subfolder": "", "type": "output"} for name in files]
    history[next(reversed(history))]["outputs"]["7"] = {key: listed, **more}


def moving(form: str = "WEBP") -> bytes:
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "lime", "blue")]
    out = io.BytesIO()
    options: dict[str, Any] = {"lossless": True} if form == "WEBP" else {}
    frames[0].save(out, form, save_all=True, append_images=frames[1:], duration=150, **options)
    return out.getvalue()


class TestTiles:
    @pytest.mark.parametrize("size", [(80, 24), (120, 40)])
    async def test_thumbnails_of_what_is_seen(self, size: tuple[int, int]) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED, "one"), plain(GREEN, "two"), plain(BLUE, "three"))
            async with opened(server, size=size) as ui:
                await sees(ui, BLUE)
                await ui.press("t")
                await until(lambda: len(browser(ui)._drawn) == 3, "three thumbnails")
                await ui.see("› three_00001_.png", "two_00001_.png", "one_00001_.png")
                await ui.press("l")
                await ui.see("› two_00001_.png")
                await ui.press(*"PPPPP")
                await ui.see("no pictures")
                assert browser(ui)._drawn == {}
                await ui.press("P")
                await until(lambda: len(browser(ui)._drawn) == 3, "thumbnails again")
                await ui.press("t")
                await ui.see("Kind", "› two_00001_.png")
                assert browser(ui)._drawn == {}

    async def test_a_thousand_are_not_fetched(self) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED, "many"))
            content = (output_folder(server) / "many_00001_.png").read_bytes()
            entry(server, {f"f{n:04}.png": content for n in range(3)})
            history = server.state.queue.history()
            listed = history[next(reversed(history))]["outputs"]["7"]["images"]
            listed += [{**listed[0], "filename": f"g{n:04}.png"} for n in range(1000)]
            async with opened(server, size=(80, 24)) as ui:
                await ui.see("1004 outputs")
                server.faults.forget()
                await ui.press("t")
                await until(lambda: len(browser(ui)._drawn) >= 4 and ui.app.screen._thumbs.is_idle)
                # What is seen and twelve more.
                assert server.faults.count("/view") <= 8 + 12 + 3
                await ui.press("G")
                await ui.see("› 1003/1003 g0999.png"[:17])
                # A file that is not there is told below the tiles.
                await ui.see("! The server does not have")

    async def test_keys_go_up_and_down_and_groups_have_headings(self) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED, "single"), {**plain(GREEN, "batch")} | _batch(6))
            async with opened(server, size=(80, 24)) as ui:
                await ui.see("▾", "6 outputs")
                await ui.press("t")
                await ui.see("1/6", "4/6")
                await ui.press("j")
                await ui.see("› 5/6")
                await ui.press("j")
                await ui.see("› single_00001_")
                await ui.press("k", "k")
                await ui.see("› 1/6")
                await ui.press("space")
                await ui.see("✓ 1/6", "1 marked")
                await ui.press("enter")
                await until(lambda: picture(ui).drawn and picture(ui).size.width == 80)
                await ui.see("2/7")

    async def test_a_click_chooses_and_opens(self) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED, "one"), plain(GREEN, "two"))
            async with opened(server, size=(80, 24)) as ui:
                await ui.press("t")
                await ui.see("› two_00001_.png")
                await ui.pilot.click(OutputBrowser, offset=(25, 3))
                await ui.see("› one_00001_.png")
                ui.app.graphics.set_mode(ImageMode.SIXEL)
                await until(lambda: len(browser(ui)._drawn) == 2)
                below = browser(ui)
                await ui.press("y")
                await ui.see("Path on the server")
                shown = "".join(strip.text for strip in below.render_lines(below.size.region))
                assert "two_00001_.png" in shown
                assert not has_cells(shown), "under a dialog there are words, and no pixels"
                await ui.press("escape")
                await ui.pilot.click(OutputBrowser, offset=(25, 3))
                await ui.see("2/2")


def _batch(count: int) -> dict[str, Any]:
    size = {"width": 32, "height": 32, "batch_size": count, "color": GREEN}
    return {"1": {"class_type": "EmptyImage", "inputs": size}}


class TestChoosing:
    async def test_kinds_orders_and_marks(self) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED, "b"), plain(BLUE, "a"))
            entry(server, {"notes.txt": b"words"}, "files")
            async with opened(server) as ui:
                await ui.see("3 outputs")
                await ui.press("K")
                await ui.see("2 of 3 outputs", "only picture")
                await ui.press("K")
                await ui.see("1 of 3 outputs", "only text")
                await ui.press("K")
                await ui.gone("only text")
                await ui.press("o")
                await ui.see("oldest first")
                assert browser(ui).rows[0].key.endswith("/0")
                await ui.press("o")
                await ui.see("by name")
                names = [row.cells[0] for row in browser(ui).rows]
                assert names == ["a_00001_.png", "b_00001_.png", "notes.txt"]
                await ui.press("g", "space", "m")
                await ui.see("1 of 3 outputs", "only those")
                await ui.press("m")
                await ui.gone("only those")

    async def test_conditions_in_the_filter(self) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED, "kept"), plain(BLUE, temporary=True))
            async with opened(server) as ui:
                await ui.see("2 outputs")
                await ui.press("slash")
                await ui.type("is")
                await ui.press("colon")
                await ui.type("temp")
                await ui.see("1 of 2 outputs", "~ ComfyUI_temp_")
                await ui.gone("kept_00001_")


def _job(name: str, ended_at_s: float, *files: str, title: str = "") -> Job:
    made = tuple(OutputFile(file, "", "output", "9") for file in files)
    return Job(
        name,
        JobState.COMPLETED,
        0,
        title or name,
        True,
        ended_at_s=ended_at_s,
        outputs=made,
        node_names={"9": "SaveImage"},
    )


class TestQuery:
    TODAY = datetime.date(2026, 11, 27)

    def at(self, days: int) -> float:
        return datetime.datetime(2026, 11, 27, 12).timestamp() - 86_400 * days

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("", "a.png b.mp4 c.flac"),
            ("kind:video", "b.mp4"),
            ("kind:Pictures", "a.png"),
            ("-kind:picture", "b.mp4 c.flac"),
            ("kind:flac", "c.flac"),
            ("date:today", "a.png"),
            ("date:yesterday", "b.mp4"),
            ("date:week", "a.png b.mp4"),
            ("date:2026-10", "c.flac"),
            ("after:2026-11-26", "a.png"),
            ("before:2026-11-26", "c.flac"),
            ("server:BOX", "a.png b.mp4 c.flac"),
            ("server:other", ""),
            ("node:saveimage kind:audio", "c.flac"),
            ("workflow:castle", "b.mp4"),
            ("is:marked", "a.png"),
            ("castle", "b.mp4"),
            ("date:nonsense", ""),
            ("no:condition", ""),
        ],
    )
    def test_conditions(self, text: str, names: str) -> None:
        gathered = Gathered()
        gathered.take(
            [
                _job("1", self.at(0), "a.png"),
                _job("2", self.at(1), "b.mp4", title="My castle"),
                _job("3", self.at(40), "c.flac"),
            ]
        )
        known = Known("the box http://h", {"1/0"}, lambda output: None, self.TODAY)
        found = gathered.chosen(OutputQuery(text), known, Order.NEWEST)
        assert " ".join(output.name for output in found) == names

    def test_outputs_stay_the_same_objects(self) -> None:
        gathered = Gathered()
        job = _job("1", 5.0, "a.png", "b.png")
        gathered.take([job])
        before = list(gathered.outputs.values())
        gathered.take([_job("1", 5.0, "a.png", "b.png"), _job("2", 6.0, "c.png")])
        after = list(gathered.outputs.values())
        assert [output.name for output in after] == ["c.png", "a.png", "b.png"]
        assert after[1] is before[0]

    def test_batches_are_counted_by_node(self) -> None:
        found = outputs_of([_job("1", 5.0, "a.png", "b.png")])
        assert [output.batch for output in found] == [(1, 2), (2, 2)]


class TestWindow:
    async def test_enlarging_shows_the_original_and_arrows_move(self) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED, "large"))
            image = Image.new("RGB", (1600, 1200), "blue")
            image.paste((255, 0, 0), (0, 0, 800, 600))
            out = io.BytesIO()
            image.save(out, "PNG")
            (output_folder(server) / "large_00001_.png").write_bytes(out.getvalue())
            async with opened(server, size=(80, 24)) as ui:
                await until(lambda: picture(ui).drawn)
                await ui.press("enter")
                await ui.see("1600x1200", "1/1")
                await ui.press("=")
                await ui.see("100 %")
                await until(lambda: picture(ui).decoded.image.width == 1600, "the original")
                await ui.press(*["left", "up"] * 12)
                await until(lambda: drawn_colours(ui) == {RED}, "the upper left corner")
                await ui.press(*["right", "down"] * 16)
                await until(lambda: drawn_colours(ui) == {BLUE}, "the lower right corner")
                await ui.press("escape")
                await ui.gone("100 %")
                await until(lambda: {RED, BLUE} <= drawn_colours(ui))
                await ui.press("escape")
                await ui.see("4 Outputs")

    async def test_a_small_copy_is_told_until_the_original_is_seen(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(LineSpeed, "is_slow", True)
        async with DemoServer() as server:
            await run(server, plain(RED, "large"))
            out = io.BytesIO()
            Image.effect_noise((1600, 1200), 9).save(out, "PNG")
            (output_folder(server) / "large_00001_.png").write_bytes(out.getvalue())
            async with opened(server, size=(110, 24)) as ui:
                await ui.see("small copy")
                await ui.press("enter")
                await ui.see("small copy", "1/1")
                await ui.press("+")
                await ui.gone("small copy")
                assert "1600x1200" in ui.text()

    @pytest.mark.parametrize("form", ["WEBP", "GIF", "PNG"])
    async def test_an_animation_is_played_and_laid_out(self, form: str) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED, "any"))
            entry(server, {"moves.bin": moving(form)}, animated=[True])
            async with opened(server, size=(80, 24)) as ui:
                await ui.see("» bin")
                await ui.press("j", "enter")
                await ui.see("animated: the first frame")
                await ui.press("full_stop")
                await ui.see("3 frames", "playing")
                seen: set[int] = set()

                def all_of_them() -> bool:
                    seen.update(drawn_colours(ui))
                    return {RED, GREEN, BLUE} <= seen

                await until(all_of_them, "every frame")
                await ui.press("full_stop")
                await ui.gone("playing")
                await ui.press("C")
                await until(lambda: {RED, GREEN, BLUE} <= drawn_colours(ui), "the sheet")

    @pytest.mark.skipif(not has_media_library(), reason="needs the extra media (PyAV)")
    async def test_a_video_shows_its_first_frame_and_plays(self) -> None:
        from content.test_media import video

        async with DemoServer() as server:
            await run(server, plain(BLUE, "any"))
            entry(server, {"clip.mp4": video()}, "gifs", animated=[True])
            # No poll paints again what the key painted.
            async with opened(server, size=(80, 24), interval_s=60) as ui:
                await ui.see("▶ mp4")
                await ui.press("j")
                await ui.see("video, MP4")
                await ui.press("enter")
                await ui.see("video, MP4 · 64x48 · 1.0 s · 24 frames/s")
                await until(lambda: re.search(r"(?m)^ *clip.{60,}2/2$", ui.text()), "the whole line")
                await until(lambda: picture(ui).drawn)
                first = drawn_colours(ui)
                await ui.press("full_stop")
                await ui.see("playing")
                await until(lambda: drawn_colours(ui) not in (first, set()), "another frame")

    async def test_a_sound_is_drawn(self) -> None:
        from content.test_media import tone

        async with DemoServer() as server:
            await run(server, plain(RED, "any"))
            entry(server, {"tone.flac": tone()}, "audio")
            async with opened(server) as ui:
                await ui.press("j")
                await ui.see("audio, WAV", "length: 1.0 s", "8,000 Hz, mono", "█", "▁")

    async def test_slides_go_on_by_themselves_until_a_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("comfy_tui.screens.output_viewer.SLIDE_S", 0.2)
        async with DemoServer() as server:
            await run(server, plain(RED, "one"), plain(GREEN, "two"), plain(BLUE, "three"))
            async with opened(server) as ui:
                await sees(ui, BLUE)
                await ui.press("a")
                await ui.see("3/3")
                await ui.gone("slide show")
                await sees(ui, RED)


class TestCompare:
    async def test_side_by_side_and_one_for_the_other(self) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED, "one"), plain(GREEN, "two"), plain(BLUE, "three"))
            async with opened(server) as ui:
                await sees(ui, BLUE)
                await ui.press("space", "j", "space", "c")
                await until(lambda: isinstance(ui.app.screen, OutputCompare))
                await ui.see("A | B", "= same workflow", "A  three_00001_.png", "B  one_00001_.png")
                await ui.press("b")
                await ui.see("only A")
                await ui.gone("B  one_00001_.png")
                await ui.press("b")
                await ui.see("only B", "B  one_00001_.png")
                await ui.gone("A  three_00001_.png")
                await ui.press("escape")
                await ui.see("A | B")
                await ui.press("escape")
                await ui.see("4 Outputs")

    async def test_seeds_and_prompts(self) -> None:
        async with DemoServer(warm_up=True) as server, opened(server) as ui:
            await ui.see("demo_00002_.png", "demo_00001_.png")
            outputs = {output.name: output for output in ui.app.screen._outputs.values()}
            words = relation(outputs["demo_00001_.png"], outputs["demo_00002_.png"])
            assert "= same prompt" in words
            assert "seed 0 | 2" in words

    async def test_one_alone_is_told(self) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED))
            async with opened(server) as ui:
                await sees(ui, RED)
                await ui.press("c")
                await ui.see("Nothing to compare")


async def test_the_disk_keeps_previews_for_the_next_time(isolated: Path) -> None:
    async with DemoServer() as server:
        await run(server, plain(RED, "one"))
        async with opened(server) as ui:
            await sees(ui, RED)
            cache = ui.app.previews.cache
            await until(lambda: cache.size_bytes() > 0)
            assert cache.folder == isolated / ".cache" / "comfy-tui" / "previews"
        server.faults.forget()
        async with opened(server) as ui:
            await sees(ui, RED)
            assert server.faults.count("/view") == 0
            assert ui.app.previews.traffic.spared_files == 1
