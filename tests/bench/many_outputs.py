"""A demo server in a process of its own, whose history holds a thousand pictures of 1024x1024, or more.

The oldest one is an animation.
"""

from __future__ import annotations

import asyncio
import io
import os
import random
import sys
import uuid

import httpx
from PIL import Image, ImageFilter

from comfy_tui.demo.server import DemoServer

IN_A_JOB = 4


def photo() -> bytes:
    """A PNG as large as a generated picture's: soft shapes with some noise."""
    rough = Image.frombytes("RGB", (48, 48), random.Random(3).randbytes(48 * 48 * 3))
    soft = rough.resize((1024, 1024), Image.Resampling.BICUBIC)
    noise = Image.frombytes("RGB", (1024, 1024), random.Random(4).randbytes(3 << 20))
    out = io.BytesIO()
    Image.blend(soft, noise, 0.04).filter(ImageFilter.SMOOTH).save(out, "PNG", compress_level=4)
    return out.getvalue()


def moving() -> bytes:
    """An animated WebP of 24 frames."""
    frames = [Image.new("RGB", (512, 512), (10 * n, 255 - 10 * n, 128)) for n in range(24)]
    for n, frame in enumerate(frames):
        frame.paste((255, 255, 255), (20 * n, 200, 20 * n + 40, 240))
    out = io.BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:], duration=80)
    return out.getvalue()


async def main(count: int) -> None:
    """Print the URL when everything is there."""
    server = DemoServer()
    await server.start()
    prompt = {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 255},
        },
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    }
    async with httpx.AsyncClient() as client:
        for _ in range(count // IN_A_JOB):
            body = {"prompt": prompt, "prompt_id": str(uuid.uuid4()), "client_id": "bench"}
            await client.post(server.url + "/prompt", json=body)
        await server.wait_idle()
    folder = server.state.folders.root / "output"
    (folder / "photo.png").write_bytes(photo())
    (folder / "moving.webp").write_bytes(moving())
    history = server.state.queue.history()
    for job, entry in enumerate(history.values()):
        names = [f"photo {job:03} {n}.png" for n in range(IN_A_JOB)]
        for name in names:
            os.link(folder / "photo.png", folder / name)
        names[-1:] = ["moving.webp"] if job == 0 else names[-1:]
        entry["outputs"]["2"]["images"] = [{"filename": n, "subfolder": "", "type": "output"} for n in names]
    sys.stdout.write(server.url + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
