"""Pictures and other files: viewing, uploading, listing."""

from __future__ import annotations

import asyncio
import io
import json
import mimetypes
import os
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.web_request import FileField
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..folders import Folders, inside, split_annotation
from ..state import state_of
from .table import BARE, Route

_UNSAFE_TYPES = ("text/html", "text/html-sandboxed", "application/xhtml+xml", "text/javascript", "text/css")


async def _view(request: web.Request) -> web.StreamResponse:
    query = request.rel_url.query
    if "filename" not in query:
        return web.Response(status=404)
    name, annotated = split_annotation(query["filename"])
    if not name or name[0] == "/" or ".." in name:
        return web.Response(status=400)
    base = state_of(request).folders.of(annotated or str(query.get("type", "output")))
    if base is None:
        return web.Response(status=400)
    folder = inside(base, query.get("subfolder", ""))
    if folder is None:
        return web.Response(status=403)
    path = folder / os.path.basename(name)
    if not path.is_file():
        return web.Response(status=404)
    return await _answer(path, query.get("preview"), query.get("channel", "rgba"))


async def _answer(path: Path, preview: str | None, channel: str) -> web.StreamResponse:
    headers = {"Content-Disposition": f'filename="{_header_safe(path.name)}"'}
    if preview is not None:
        body, kind = await asyncio.to_thread(_as_preview, path, preview, channel)
        return web.Response(body=body, content_type=kind, headers=headers)
    if channel in ("rgb", "a"):
        body = await asyncio.to_thread(_as_channel, path, channel)
        return web.Response(body=body, content_type="image/png", headers=headers)
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if kind in _UNSAFE_TYPES:
        kind = "application/octet-stream"
    return web.FileResponse(path, headers={**headers, "Content-Type": kind})


def _header_safe(name: str) -> str:
    return "".join(ch for ch in name if ch.isprintable() and ch != '"')


def _as_preview(path: Path, wish: str, channel: str) -> tuple[bytes, str]:
    parts = wish.split(";")
    form = parts[0] if parts[0] in ("webp", "jpeg") else "webp"
    quality = int(parts[-1]) if parts[-1].isdigit() else 90
    with Image.open(path) as opened:
        picture = opened.convert("RGB") if form == "jpeg" or channel == "rgb" else opened.copy()
    out = io.BytesIO()
    picture.save(out, form, quality=quality)
    return out.getvalue(), f"image/{form}"


def _as_channel(path: Path, channel: str) -> bytes:
    with Image.open(path) as opened:
        picture = opened.convert("RGBA")
    if channel == "rgb":
        picture = picture.convert("RGB")
    else:
        alpha = picture.getchannel("A")
        picture = Image.new("RGBA", picture.size)
        picture.putalpha(alpha)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


async def _upload_image(request: web.Request) -> web.Response:
    form = await request.post()
    return await asyncio.to_thread(_store, state_of(request).folders, dict(form), None)


async def _upload_mask(request: web.Request) -> web.Response:
    form = await request.post()
    original = json.loads(str(form["original_ref"])) if isinstance(form.get("original_ref"), str) else None
    if original is None:
        raise ValueError("no original_ref")
    return await asyncio.to_thread(_store, state_of(request).folders, dict(form), original)


def _store(folders: Folders, form: dict[str, Any], original: dict[str, Any] | None) -> web.Response:
    upload = form.get("image")
    if upload is None:
        return web.Response(status=400)
    if not isinstance(upload, FileField):
        raise TypeError("the image is not a file")
    if not upload.filename:
        return web.Response(status=400)
    kind = str(form.get("type", "input"))
    base = folders.of(kind)
    if base is None:
        raise ValueError(f"no such type: {kind}")
    subfolder = os.path.normpath(str(form.get("subfolder", ""))) if form.get("subfolder") else ""
    folder = inside(base, subfolder)
    if folder is None:
        return web.Response(status=400)
    folder.mkdir(parents=True, exist_ok=True)
    data = upload.file.read()
    target = folder / upload.filename
    if inside(folder, upload.filename) is None:
        return web.Response(status=400)
    if form.get("overwrite") not in ("true", "1"):
        target = _free_name(folder, upload.filename, data)
    if original is not None:
        _store_mask(folders, target, data, original)
    else:
        target.write_bytes(data)
    return web.json_response({"name": target.name, "subfolder": subfolder, "type": kind})


def _free_name(folder: Path, name: str, data: bytes) -> Path:
    """The name itself, or the first with a number, that is free or holds the same bytes."""
    stem, suffix = os.path.splitext(name)
    target, number = folder / name, 1
    while target.exists() and target.read_bytes() != data:
        target = folder / f"{stem} ({number}){suffix}"
        number += 1
    return target


def _store_mask(folders: Folders, target: Path, data: bytes, original: dict[str, Any]) -> None:
    """Put the alpha of the upload on the original; without an original nothing happens, silently."""
    name, annotated = split_annotation(original["filename"])
    base = folders.of(annotated or str(original.get("type", "output")))
    folder = inside(base, original.get("subfolder", "")) if base is not None else None
    if folder is None or ".." in name or name.startswith("/"):
        return
    source = folder / os.path.basename(name)
    if not source.is_file():
        return
    with Image.open(source) as opened:
        info = PngInfo()
        for key, value in getattr(opened, "text", {}).items():
            info.add_text(key, value)
        picture = opened.convert("RGBA")
    with Image.open(io.BytesIO(data)) as opened:
        mask = opened.convert("RGBA")
    picture.putalpha(mask.getchannel("A"))
    if mask.size != picture.size:
        raise ValueError("images do not match")
    picture.save(target, "PNG", pnginfo=info)


async def _list_files(request: web.Request) -> web.Response:
    state = state_of(request)
    kind = request.match_info["kind"]
    base = state.folders.of(kind)
    if base is None:
        return web.json_response({"error": "Invalid directory type"}, status=400)
    found = sorted((p for p in base.iterdir() if p.is_file()), key=lambda p: -p.stat().st_mtime)
    if state.legacy:
        return web.json_response([path.name for path in found])
    return web.json_response([f"{path.name} [{kind}]" for path in found if not path.name.startswith(".")])


ROUTES = [
    Route("GET", "/view", _view),
    Route("POST", "/upload/image", _upload_image),
    Route("POST", "/upload/mask", _upload_mask),
    Route("GET", "/internal/files/{kind}", _list_files, BARE),
]
