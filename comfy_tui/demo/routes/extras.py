"""Templates, and the lists that a web page asks for and this server has little of."""

from __future__ import annotations

import asyncio
import io
from typing import Any

from aiohttp import web

from ..nodes.sampling import paint
from ..seed import workflow_text
from ..state import state_of
from .table import BARE, BOTH, Route

#: Template name -> title, description, the workflow file.
_TEMPLATES = {
    "demo_text_to_image": (
        "Text to image (demo)",
        "The standard graph: checkpoint, two prompts, sampler, decoder. The demo server simulates the model.",
        "text_to_image_editor.json",
    ),
    "demo_blend": (
        "Blend and blur (demo)",
        "Two plain pictures blended and blurred. It runs for real, on Pillow.",
        "blend_editor.json",
    ),
}


def _template(name: str, dress: Any) -> dict[str, Any]:
    title, description, _ = _TEMPLATES[name]
    return {
        "name": name,
        "title": dress(title),
        "mediaType": "image",
        "mediaSubtype": "webp",
        "description": dress(description),
        "tags": [dress("Text to Image" if "text" in name else "Image")],
        "models": [dress("none (demo)")],
        "date": "2026-01-01",
        "size": 0,
        "vram": 0,
    }


async def _index(request: web.Request) -> web.Response:
    dress = state_of(request).dress
    group = {
        "moduleName": "default",
        "title": dress("Getting started (demo)"),
        "type": "image",
        "templates": [_template(name, dress) for name in _TEMPLATES],
    }
    headers = {"Cache-Control": "no-cache" if state_of(request).legacy else "no-store"}
    return web.json_response([group], headers=headers)


async def _template_file(request: web.Request) -> web.StreamResponse:
    file = request.match_info["file"]
    if file == "index.json":
        return await _index(request)
    name = file.removesuffix(".json")
    if file.endswith(".json") and name in _TEMPLATES:
        text = workflow_text(_TEMPLATES[name][2], state_of(request))
        return web.Response(text=text, content_type="application/json")
    name = file.removesuffix("-1.webp")
    if file.endswith("-1.webp") and name in _TEMPLATES:
        picture = await asyncio.to_thread(_thumbnail, name)
        return web.Response(body=picture, content_type="application/octet-stream")
    return web.Response(status=404, content_type="application/octet-stream")


def _thumbnail(name: str) -> bytes:
    out = io.BytesIO()
    paint(name, 1, (256, 256)).save(out, "webp", quality=80)
    return out.getvalue()


async def _empty_object(request: web.Request) -> web.Response:
    return web.json_response({})


async def _nothing(request: web.Request) -> web.Response:
    return web.json_response(None)


async def _extensions(request: web.Request) -> web.Response:
    return web.json_response(["/extensions/core/demo.js"])


ROUTES = [
    Route("GET", "/templates/{file}", _template_file, BARE),
    Route("GET", "/extensions", _extensions),
    Route("GET", "/i18n", _empty_object),
    Route("GET", "/workflow_templates", _empty_object),
    Route("GET", "/global_subgraphs", _empty_object, BOTH, new_only=True),
    Route("GET", "/global_subgraphs/{id}", _nothing, BOTH, new_only=True),
    Route("GET", "/node_replacements", _empty_object, BOTH, new_only=True),
]
