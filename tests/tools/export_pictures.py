"""Export the pictures of the README and the guide: ``python tests/tools/export_pictures.py``.

They come from the console itself, on the demo server, after some of its workflows have run.
"""

from __future__ import annotations

import asyncio
import html
import json
import os
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests")]
PICTURES = ROOT / "docs" / "pictures"
WORKFLOWS = ROOT / "comfy_tui" / "demo" / "workflows"


def without_leading_spaces(svg: str) -> str:
    """Move a text instead of beginning it with spaces: not every renderer keeps those."""

    def move(match: re.Match[str]) -> str:
        x, y, length, clip, spaces, text = match.groups()
        cells = spaces.count("&#160;")
        width = float(length) / (cells + len(html.unescape(text)))
        left, rest = float(x) + cells * width, float(length) - cells * width
        return f'x="{left:g}" y="{y}" textLength="{rest:g}"{clip}{text}'

    pattern = r'x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)"( [^>]*>)((?:&#160;)+)([^<]+)'
    return re.sub(pattern, move, svg)


async def main() -> None:
    """Run the demo server and the console, press keys, export."""
    from comfy_tui.demo.server import DemoServer
    from comfy_tui.monitor.submit import Submission
    from comfy_tui.profile import ServerProfile
    from comfy_tui.widgets.row_list import RowList
    from support import console, until

    PICTURES.mkdir(parents=True, exist_ok=True)
    async with DemoServer(warm_up=True, speed=1.0) as server:
        profile = ServerProfile("demo", server.url)
        async with console(server.url, size=(110, 30), server=profile, interval_s=1.0) as ui:
            await ui.online()
            await until(lambda: len(ui.app.jobs.ended) >= 3)

            async def show(key: str, *words: str) -> None:
                await ui.press(key)
                await ui.see(*words)
                await asyncio.sleep(2.5)  # not a test: let previews and pictures be drawn

            def export(name: str) -> None:
                svg = ui.app.export_screenshot(title="comfy-tui demo")
                svg = without_leading_spaces(re.sub(r"terminal-\d+", "terminal-demo", svg))
                (PICTURES / f"{name}.svg").write_text(svg, encoding="utf-8")

            await until(lambda: len(ui.app.health.ram_past) >= 4)
            export("servers")
            await show("2", "Server (")
            export("workflows")
            session = ui.app.session
            assert session is not None
            for name in ("text_to_image", "two_minutes", "blend_and_blur"):
                prompt = json.loads((WORKFLOWS / f"{name}.json").read_text("utf-8"))
                await session.submit(Submission(prompt, name.replace("_", " ")))
            await show("3", "Running", "two minutes", "step")
            export("queue")
            await show("4", ".png")
            export("outputs")
            await ui.press("t")
            await asyncio.sleep(2.5)
            export("tiles")
            await show("5", "Events")
            export("logs")
            failing = json.loads((WORKFLOWS / "out_of_memory.json").read_text("utf-8"))
            running = [job.prompt_id for job in ui.app.jobs.running]
            await session.submit(Submission(failing, "out of memory", front=True))
            await session.cancel(running)
            await show("3", "failed")
            failed = next(job for job in ui.app.jobs.ended if job.error is not None)
            ui.app.screen.query_one(RowList).select(failed.prompt_id)
            await ui.press("enter")
            await ui.see("Why, and what to do")
            await ui.pilot.resize_terminal(110, 22)  # the frames below name this machine's folders
            export("failure")
            await ui.pilot.resize_terminal(110, 30)
            await ui.press("escape")
            await show("6", "two minutes")
            export("history")
            await show("7", "Terminal")
            export("doctor")
            await ui.press("question_mark")
            await ui.see("Everywhere")
            export("help")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(HOME=home, XDG_STATE_HOME=home, XDG_CONFIG_HOME=home)
        os.chdir(home)
        asyncio.run(main())
