"""Nodes that read and write picture files."""

from __future__ import annotations

import hashlib
import json
import random
import re
import string
import time
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from ..folders import Folders, split_annotation
from .base import Context, Listing, Listings, Masks, NodeType, Pictures, Result, pictures

_SUFFIX = "".join(random.choice(string.ascii_lowercase) for _ in range(5))


def _input_path(folders: Folders, name: str) -> Path | None:
    plain, kind = split_annotation(name)
    return folders.inside(kind or "input", plain)


def _check_image(listings: Listings, folders: Folders, inputs: dict[str, Any]) -> str | None:
    name = inputs.get("image")
    path = _input_path(folders, name) if isinstance(name, str) else None
    return None if path is not None and path.is_file() else f"Invalid image file: {name}"


def _fingerprint(folders: Folders, inputs: dict[str, Any]) -> str:
    path = _input_path(folders, str(inputs.get("image")))
    if path is None or not path.is_file():
        return ""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _open(ctx: Context, name: str) -> Image.Image:
    path = _input_path(ctx.folders, name)
    if path is None:
        raise FileNotFoundError(name)
    with Image.open(path) as opened:
        return ImageOps.exif_transpose(opened).copy()


def _load(ctx: Context, inputs: dict[str, Any]) -> Result:
    picture = _open(ctx, inputs["image"])
    mask = Image.new("L", (64, 64), 0)
    if "A" in picture.getbands():
        mask = ImageOps.invert(picture.getchannel("A"))
    return Result((Pictures((picture.convert("RGB"),)), Masks((mask,))))


def _load_mask(ctx: Context, inputs: dict[str, Any]) -> Result:
    picture = _open(ctx, inputs["image"]).convert("RGBA")
    band = picture.getchannel({"alpha": "A", "red": "R", "green": "G", "blue": "B"}[inputs["channel"]])
    return Result((Masks((ImageOps.invert(band) if inputs["channel"] == "alpha" else band,)),))


def fill_prefix(prefix: str, width: int, height: int) -> str:
    """Put size and time into a file name prefix; ``%date:...%`` is the client's business and stays."""
    now = time.localtime()
    values = {
        "width": width,
        "height": height,
        "year": now.tm_year,
        "month": f"{now.tm_mon:02}",
        "day": f"{now.tm_mday:02}",
        "hour": f"{now.tm_hour:02}",
        "minute": f"{now.tm_min:02}",
        "second": f"{now.tm_sec:02}",
    }
    for name, value in values.items():
        prefix = prefix.replace(f"%{name}%", str(value))
    return prefix


def _next_counter(folder: Path, stem: str) -> int:
    pattern = re.compile(re.escape(stem) + r"_(\d+)_", re.IGNORECASE)
    found = [int(match[1]) for path in folder.iterdir() if (match := pattern.match(path.name))]
    return max(found, default=0) + 1


def save_pictures(
    ctx: Context, batch: Pictures, prefix: str, kind: str, compress: int
) -> list[dict[str, str]]:
    """Write PNG files that carry prompt and workflow, and say where they are."""
    width, height = batch.items[0].size
    filled = fill_prefix(prefix, width, height)
    subfolder, _, stem = filled.rpartition("/")
    folder = ctx.folders.inside(kind, subfolder)
    if folder is None:
        raise Exception("Saving image outside the output folder is not allowed.")
    folder.mkdir(parents=True, exist_ok=True)
    counter = _next_counter(folder, ctx.folders.dress_name(stem))
    info = PngInfo()
    info.add_text("prompt", json.dumps(ctx.prompt))
    for key, value in ctx.extra_pnginfo.items():
        info.add_text(key, json.dumps(value))
    saved = []
    for number, picture in enumerate(batch.items):
        name = stem.replace("%batch_num%", str(number))
        name = f"{ctx.folders.dress_name(name)}_{counter + number:05}_.png"
        picture.save(folder / name, pnginfo=info, compress_level=compress)
        saved.append({"filename": name, "subfolder": subfolder, "type": kind})
    return saved


def _save(ctx: Context, inputs: dict[str, Any]) -> Result:
    batch = pictures(inputs["images"])
    saved = save_pictures(ctx, batch, inputs["filename_prefix"], "output", 4)
    return Result((batch,), {"images": saved})


def _preview(ctx: Context, inputs: dict[str, Any]) -> Result:
    batch = pictures(inputs["images"])
    return Result((batch,), {"images": save_pictures(ctx, batch, f"ComfyUI_temp_{_SUFFIX}", "temp", 1)})


_PREFIX_TIP = (
    "The prefix for the file to save. This may include formatting information such as %date:yyyy-MM-dd% "
    "or %Empty Latent Image.width% to include values from nodes."
)
_PICTURE = [Listing("input"), {"image_upload": True}]
_CHECKED: dict[str, Any] = {"validate": _check_image, "validates": ("image",), "fingerprint": _fingerprint}

IMAGE_IO_NODES = (
    NodeType(
        "LoadImage",
        "Load Image",
        "image",
        _load,
        {"image": _PICTURE},
        outputs=("IMAGE", "MASK"),
        aliases=("load image", "open image", "upload image"),
        **_CHECKED,
    ),
    NodeType(
        "LoadImageMask",
        "Load Image (as Mask)",
        "image",
        _load_mask,
        {"image": _PICTURE, "channel": [["alpha", "red", "green", "blue"]]},
        outputs=("MASK",),
        **_CHECKED,
    ),
    NodeType(
        "SaveImage",
        "Save Image",
        "image",
        _save,
        {
            "images": ["IMAGE", {"tooltip": "The images to save."}],
            "filename_prefix": ["STRING", {"default": "ComfyUI", "tooltip": _PREFIX_TIP}],
        },
        outputs=("IMAGE",),
        output_names=("images",),
        output_node=True,
        saves=True,
        description="Saves the input images to your ComfyUI output directory.",
        aliases=("save", "save image", "export image"),
    ),
    NodeType(
        "PreviewImage",
        "Preview Image",
        "image",
        _preview,
        {"images": ["IMAGE"]},
        outputs=("IMAGE",),
        output_names=("images",),
        output_node=True,
        saves=True,
        description="Saves the input images to your ComfyUI output directory.",
        aliases=("preview", "show image"),
    ),
)
