"""Files: uploading, viewing, what lies outside, user data, settings, models, templates."""

from __future__ import annotations

import io
import json
from typing import Any

import httpx
import pytest
from demo_support import RECORDINGS
from PIL import Image

from comfy_tui.demo.server import DemoServer
from comfy_tui.workflow import convert


def _png(color: int = 0, size: tuple[int, int] = (20, 10)) -> bytes:
    out = io.BytesIO()
    Image.new("RGBA", size, (color, 0, 0, 128)).save(out, "PNG")
    return out.getvalue()


async def _upload(
    client: httpx.AsyncClient, data: bytes, name: str = "pic.png", **fields: str
) -> httpx.Response:
    return await client.post("/upload/image", files={"image": (name, data)}, data=fields)


async def test_uploading_the_same_and_another(client: httpx.AsyncClient) -> None:
    async def name(data: bytes, **fields: str) -> Any:
        return (await _upload(client, data, **fields)).json()["name"]

    assert (await _upload(client, _png(1))).json() == {"name": "pic.png", "subfolder": "", "type": "input"}
    assert await name(_png(1)) == "pic.png"
    assert await name(_png(2)) == "pic (1).png"
    assert await name(_png(3)) == "pic (2).png"
    assert await name(_png(2)) == "pic (1).png"
    assert await name(_png(4), overwrite="true") == "pic.png"
    assert await name(_png(5), overwrite="True") == "pic (3).png"
    info = (await client.get("/object_info/LoadImage")).json()
    assert "pic (2).png" in info["LoadImage"]["input"]["required"]["image"][0]


async def test_upload_places(client: httpx.AsyncClient) -> None:
    answer = await _upload(client, _png(), subfolder="a/b c")
    assert answer.json() == {"name": "pic.png", "subfolder": "a/b c", "type": "input"}
    assert (await _upload(client, _png(), type="temp")).json()["type"] == "temp"
    assert (await _upload(client, _png(), type="nope")).status_code == 500
    for outside in ("../..", "/etc"):
        refused = await _upload(client, _png(), subfolder=outside)
        assert (refused.status_code, refused.content) == (400, b"")
    assert (await client.post("/upload/image", json={"image": "x"})).status_code == 400
    assert (await client.post("/upload/image", data={"image": "text"}, files={"x": b""})).status_code == 500


async def test_names_cannot_leave_the_folder(server: DemoServer, client: httpx.AsyncClient) -> None:
    await _upload(client, b"x", name="../../evil.txt")
    assert not (server.state.folders.root / "evil.txt").exists()
    assert not (server.state.folders.root.parent / "evil.txt").exists()


async def test_mask(server: DemoServer, client: httpx.AsyncClient) -> None:
    await _upload(client, _png(9))
    reference = json.dumps({"filename": "pic.png", "type": "input"})

    async def send(data: bytes, name: str, **fields: str) -> httpx.Response:
        return await client.post("/upload/mask", files={"image": (name, data)}, data=fields)

    answer = await send(_png(0), "m.png", original_ref=reference, subfolder="clipspace")
    assert answer.json() == {"name": "m.png", "subfolder": "clipspace", "type": "input"}
    made = Image.open(server.state.folders.root / "input" / "clipspace" / "m.png")
    assert made.getpixel((0, 0)) == (9, 0, 0, 128)
    missing = json.dumps({"filename": "nope.png", "type": "input"})
    assert (await send(_png(), "n.png", original_ref=missing)).json()["name"] == "n.png"
    assert not (server.state.folders.root / "input" / "n.png").exists()
    assert (await send(_png(), "o.png")).status_code == 500
    assert (await send(_png(size=(3, 3)), "o.png", original_ref=reference)).status_code == 500


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("filename=pic.png&type=input", 200),
        ("filename=pic.png [input]", 200),
        ("filename=a/b/pic.png&type=input", 200),
        ("filename=pic.png", 404),
        ("", 404),
        ("filename=", 400),
        ("filename=/etc/passwd&type=input", 400),
        ("filename=..%2Fx.png&type=input", 400),
        ("filename=a..b.png&type=input", 400),
        ("filename=pic.png&type=models", 400),
        ("filename=passwd&type=input&subfolder=../../../etc", 403),
        ("filename=passwd&type=input&subfolder=/etc", 403),
    ],
)
async def test_view(client: httpx.AsyncClient, query: str, status: int) -> None:
    await _upload(client, _png())
    for path in ("/view", "/api/view"):
        answer = await client.get(f"{path}?{query}")
        assert answer.status_code == status
        if status != 200:
            assert answer.content == b""


async def test_view_forms(client: httpx.AsyncClient) -> None:
    await _upload(client, _png(7))
    await _upload(client, b"hello", name="data.txt")

    async def view(**query: str) -> httpx.Response:
        return await client.get("/view", params={"filename": "pic.png", "type": "input", **query})

    plain = await view()
    assert plain.headers["Content-Disposition"] == 'filename="pic.png"'
    assert plain.headers["Accept-Ranges"] == "bytes"
    part = await client.get(str(plain.url), headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, plain.content[:10])
    assert (await view(preview="webp;90")).headers["content-type"] == "image/webp"
    assert (await view(preview="jpeg;80")).headers["content-type"] == "image/jpeg"
    assert (await view(preview="png")).headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO((await view(channel="rgb")).content)).mode == "RGB"
    assert Image.open(io.BytesIO((await view(channel="a")).content)).getpixel((0, 0)) == (0, 0, 0, 128)
    assert (await view(channel="zz")).content == plain.content
    assert (await view(filename="data.txt", preview="webp")).status_code == 500
    assert (await view(filename="data.txt")).text == "hello"


async def test_listing_folders(client: httpx.AsyncClient, old_client: httpx.AsyncClient) -> None:
    assert (await client.get("/internal/files/input")).json() == ["example.png [input]"]
    assert (await old_client.get("/internal/files/input")).json() == ["example.png"]
    refused = await client.get("/internal/files/models")
    assert (refused.status_code, refused.json()) == (400, {"error": "Invalid directory type"})
    assert (await client.get("/api/internal/files/input")).status_code == 404


async def test_userdata_files(client: httpx.AsyncClient) -> None:
    path = "/userdata/workflows%2Fmy%20flow.json"
    body = b'{"nodes": [], "links": [], "version": 0.4}'
    assert (await client.post(path, content=body)).json() == "workflows/my flow.json"
    assert (await client.get(path)).content == body
    conflict = await client.post(f"{path}?overwrite=false", content=b"{}")
    assert (conflict.status_code, conflict.text) == (409, "File already exists")
    assert (await client.post(f"{path}?overwrite=0", content=body)).status_code == 200
    info = (await client.post(f"{path}?full_info=true", content=body)).json()
    assert (info["path"], info["size"], type(info["modified"])) == ("workflows/my flow.json", len(body), int)
    assert (await client.post("/userdata/workflows/raw.json", content=b"")).status_code == 405
    assert (
        await client.post("/userdata/workflows%252Fdouble.json", content=b"")
    ).json() == "workflows/double.json"
    assert (await client.post("/userdata/..%2F..%2Fevil.json", content=b"")).status_code == 403
    on_folder = await client.post("/userdata/workflows", content=b"")
    assert (on_folder.status_code, on_folder.reason_phrase[:17]) == (400, "Invalid filename.")
    assert (await client.get("/userdata/workflows")).status_code == 403
    assert (await client.get("/userdata/workflows%2Fnope.json")).status_code == 404
    moved = await client.post(f"{path}/move/workflows%2Fsub%2Fmoved.json?full_info=true")
    assert moved.json()["path"] == "workflows/sub/moved.json"
    assert (await client.post(f"{path}/move/workflows%2Fx.json")).status_code == 404
    assert (await client.delete("/userdata/workflows%2Fsub%2Fmoved.json")).status_code == 204
    assert (await client.delete("/userdata/workflows%2Fsub%2Fmoved.json")).status_code == 404
    assert (await client.delete("/userdata/workflows%2Fsub")).status_code == 500


async def test_userdata_lists(client: httpx.AsyncClient, old_client: httpx.AsyncClient) -> None:
    await client.post("/userdata/workflows%2Fsub%2Fdeep.json", content=b"{}")
    names = (await client.get("/userdata?dir=workflows")).json()
    assert "text_to_image.json" in names
    assert "sub/deep.json" not in names
    assert "sub/deep.json" in (await client.get("/userdata?dir=workflows&recurse=true")).json()
    split = (await client.get("/userdata?dir=workflows&recurse=true&split=true")).json()
    assert ["sub/deep.json", "sub", "deep.json"] in split
    old = (await old_client.get("/userdata?dir=workflows&full_info=true")).json()
    assert isinstance(old[0]["modified"], float)
    for query, status in (("", 400), ("?dir=zzz", 404), ("?dir=..", 403)):
        assert (await client.get(f"/userdata{query}")).status_code == status
    tree = (await client.get("/v2/userdata?path=workflows")).json()
    assert {"name": "sub", "path": "workflows/sub", "type": "directory"} in tree
    for query, status in (("zzz", 404), ("../..", 400), ("workflows/text_to_image.json", 400)):
        assert (await client.get(f"/v2/userdata?path={query}")).status_code == status


async def test_settings(client: httpx.AsyncClient) -> None:
    assert (await client.get("/settings")).json() == {}
    assert (await client.post("/settings/Comfy.Test", json={"a": 1})).content == b""
    await client.post("/settings", json={"Comfy.A": True})
    assert (await client.get("/settings")).json() == {"Comfy.Test": {"a": 1}, "Comfy.A": True}
    assert (await client.get("/settings/zzz")).text == "null"
    assert (await client.post("/settings", json=[1])).status_code == 500
    assert (await client.get("/users")).json() == {"storage": "server", "migrated": True}


async def test_models(client: httpx.AsyncClient, old_client: httpx.AsyncClient) -> None:
    assert "demo_xl.safetensors" in (await client.get("/models/checkpoints")).json()
    assert (await client.get("/models/unet")).status_code == 404
    assert (await client.get("/embeddings")).json() == ["demo_bad_hands", "demo_negative"]
    detail = (await client.get("/experiment/models/loras")).json()[0]
    assert detail.keys() == {"name", "pathIndex", "modified", "created", "size"}
    meta = (await client.get("/view_metadata/loras?filename=demo_detail.safetensors")).json()
    assert json.loads(meta["ss_tag_frequency"])["demo"]
    assert (await client.get("/view_metadata/checkpoints?filename=demo_xl.safetensors")).status_code == 404
    assert (await client.get("/experiment/models/preview/loras/9/x")).status_code == 500
    for version, one in (("0.26.0", client), ("0.3.64", old_client)):
        recorded = RECORDINGS / version / "models.json"
        if recorded.is_file():
            assert (await one.get("/models")).json() == json.loads(recorded.read_text("utf-8"))


async def test_templates_and_small_lists(client: httpx.AsyncClient, old_client: httpx.AsyncClient) -> None:
    index = (await client.get("/templates/index.json")).json()
    names = [template["name"] for template in index[0]["templates"]]
    assert len(names) == 2
    for name in names:
        workflow = (await client.get(f"/templates/{name}.json")).json()
        assert workflow["version"] == 0.4
        thumbnail = await client.get(f"/templates/{name}-1.webp")
        assert thumbnail.headers["content-type"] == "application/octet-stream"
        assert Image.open(io.BytesIO(thumbnail.content)).format == "WEBP"
    assert (await client.get("/templates/nope.json")).status_code == 404
    for path in ("/i18n", "/workflow_templates", "/global_subgraphs", "/node_replacements"):
        assert (await client.get(path)).json() == {}
    assert (await client.get("/global_subgraphs/x")).text == "null"
    assert (await old_client.get("/node_replacements")).status_code == 404
    assert "comfy-tui demo server" in (await client.get("/internal/logs")).json()
    raw = (await client.get("/internal/logs/raw")).json()
    assert raw["entries"][0].keys() == {"t", "m"}
    assert "\x1b[" in raw["entries"][0]["m"]
    assert "\x1b[" not in (await old_client.get("/internal/logs/raw")).json()["entries"][0]["m"]


@pytest.mark.parametrize(
    ("editor", "prompt"),
    [("text_to_image_editor.json", "text_to_image.json"), ("blend_editor.json", "blend_and_blur.json")],
)
async def test_editor_workflows_convert_to_the_prompts_beside_them(
    client: httpx.AsyncClient, editor: str, prompt: str
) -> None:
    info = (await client.get("/object_info")).json()
    graph = (await client.get(f"/userdata/workflows%2F{editor}")).json()
    expected = (await client.get(f"/userdata/workflows%2F{prompt}")).json()
    made = convert(graph, info)
    assert made.diagnostics == ()
    assert {key: (node["class_type"], node["inputs"]) for key, node in made.prompt.items()} == {
        key: (node["class_type"], node["inputs"]) for key, node in expected.items()
    }
