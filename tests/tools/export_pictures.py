"""Export the pictures of the README and the guide from the console itself: ``python tests/tools/export_pictures.py``.

They show the demo server, after some of its workflows have run.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tempfile
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests")]
PICTURES = ROOT / "docs" / "pictures"
WORKFLOWS = ROOT / "comfy_tui" / "demo" / "workflows"


async def main() -> None:
    """Run the demo server and the console, press keys, export."""
    import httpx
    from support import console, until

    from comfy_tui.demo.server import DemoServer
    from comfy_tui.profile import ServerProfile

    PICTURES.mkdir(parents=True, exist_ok=True)
    async with DemoServer(warm_up=True, speed=6.0) as server:
        profile = ServerProfile("demo", server.url)
        async with console(server.url, size=(110, 30), server=profile, interval_s=1.0) as ui:
            await ui.online()
            await until(lambda: len(ui.app.jobs.ended) >= 3)

            def export(name: str) -> None:
                svg = ui.app.export_screenshot(title="comfy-tui demo", simplify=True)
                svg = re.sub(r"terminal-\d+", "terminal-demo", svg)
                (PICTURES / f"{name}.svg").write_text(svg, encoding="utf-8")

            async with httpx.AsyncClient(trust_env=False) as client:
                for name in ("text_to_image", "long_sleep", "image_effects"):
                    files = sorted(WORKFLOWS.glob(f"*{name.split('_')[0]}*.json"))
                    for file in files[:1]:
                        prompt = json.loads(file.read_text("utf-8"))
                        if all(isinstance(node, dict) and "class_type" in node for node in prompt.values()):
                            body = {"prompt": prompt, "prompt_id": str(uuid.uuid4()), "client_id": "browser"}
                            await client.post(server.url + "/prompt", json=body)
            await ui.see("as of")
            await until(lambda: len(ui.app.health.ram_past) >= 4)
            export("servers")
            for key, name, word in (("2", "workflows", "Server"), ("3", "queue", "Running"), ("4", "outputs", ".png")):
                await ui.press(key)
                await ui.see(word)
                await asyncio.sleep(1.5)  # not a test: let the picture be drawn
                export(name)
            await ui.press("question_mark")
            await ui.see("Everywhere")
            export("help")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(HOME=home, XDG_STATE_HOME=home, XDG_CONFIG_HOME=home)
        os.chdir(home)
        asyncio.run(main())
