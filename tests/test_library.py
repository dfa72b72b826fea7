"""Where workflows come from: folders, recent files, the server; and reading one of them."""

from __future__ import annotations

import io
import json
import os
import time
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.types import Template, UserFile
from comfy_tui.config import profile_from_url
from comfy_tui.demo.server import DemoServer
from comfy_tui.errors import WorkflowError
from comfy_tui.library import recent
from comfy_tui.library.entry import server_group, template_group
from comfy_tui.library.folders import DEPTH_LIMIT, MEDIA_LIMIT, list_groups
from comfy_tui.library.picture import list_items, read_picture
from comfy_tui.library.source import (
    local_groups,
    read_file,
    read_remote,
    read_workflow,
    remote_groups,
    typed_path,
)
from comfy_tui.project import find_project


def names(folder: Path) -> list[str]:
    return [entry.name for entry in list_groups("f", "F", folder)[0].entries]


def test_a_folder_lists_json_below_it_by_name(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("b.json", "A.JSON", "sub/c.json", "note.txt", ".hidden.json"):
        (tmp_path / name).write_text("{}")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.json").write_text("{}")
    assert names(tmp_path) == ["A", "b", "sub/c"]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.json").write_text("{}")
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    (tmp_path / "gone.json").symlink_to(tmp_path / "nowhere")
    assert names(tmp_path) == ["gone", "sub/a"]


def test_depth_is_limited_and_said(tmp_path: Path) -> None:
    deep = tmp_path
    for number in range(DEPTH_LIMIT + 2):
        deep = deep / str(number)
    deep.mkdir(parents=True)
    (deep / "a.json").write_text("{}")
    group = list_groups("f", "F", tmp_path)[0]
    assert group.entries == ()
    assert "levels" in group.note


def test_a_folder_that_lacks_says_so(tmp_path: Path) -> None:
    group = list_groups("f", "F", tmp_path / "no")[0]
    assert group.entries == ()
    assert "No such file" in group.note
    assert "no *.json" in list_groups("f", "F", tmp_path)[0].note


def test_a_thousand_files(tmp_path: Path) -> None:
    for number in range(1200):
        (tmp_path / f"w{number:04}.json").write_text("{}")
    assert len(names(tmp_path)) == 1200


def test_local_groups_are_project_folders_recent(tmp_path: Path) -> None:
    project, folder = tmp_path / "p", tmp_path / "more"
    (project / "workflows").mkdir(parents=True)
    folder.mkdir()
    (project / "workflows" / "a.json").write_text("{}")
    (folder / "b.json").write_text("{}")
    recent.add_recent(folder / "b.json")
    groups = local_groups(find_project(project, project), (folder,))
    assert [group.title for group in groups] == ["Project p", "Folder more", "Recent"]
    assert [[entry.name for entry in group.entries] for group in groups] == [["a"], ["b"], ["b"]]
    assert groups[1].entries[0].identity == groups[2].entries[0].identity
    assert groups[1].entries[0].key != groups[2].entries[0].key


def test_recent_files_are_bounded_newest_first_and_survive(tmp_path: Path) -> None:
    for number in range(60):
        recent.add_recent(tmp_path / f"{number}.json")
    recent.add_recent(tmp_path / "30.json")
    known = recent.read_recent()
    assert len(known) == recent.LIMIT
    assert [path.name for path in known[:2]] == ["30.json", "59.json"]
    assert recent.recent_group().entries == ()  # none of them is there


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"files": 3}', '{"files": [1, null, "", "a\\u0000b"]}', "\x00\xff"]
)
def test_a_broken_list_of_recent_files_is_none(text: str, tmp_path: Path) -> None:
    recent.recent_file().parent.mkdir(parents=True)
    recent.recent_file().write_text(text, "latin-1")
    assert recent.read_recent() == ()
    recent.add_recent(tmp_path / "a.json")
    assert recent.read_recent() == (tmp_path / "a.json",)


def test_reading_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "big.json").touch()
    os.truncate(tmp_path / "big.json", 65 * 1024 * 1024)
    for name, words in (
        ("pipe.json", "not a file"),
        ("", "Is a directory|not a file"),
        ("no.json", "No such file"),
        ("big.json", "at most 64 MB"),
    ):
        with pytest.raises(WorkflowError, match=words):
            read_file(tmp_path / name)


def test_typed_paths(isolated: Path, tmp_path: Path) -> None:
    assert typed_path("~/a.json", tmp_path) == isolated / "a.json"
    assert typed_path(" 'b c.json' ", tmp_path) == tmp_path / "b c.json"
    assert typed_path("x/../d.json", tmp_path) == tmp_path / "d.json"
    assert typed_path("~no-such-user-here/a", tmp_path) == tmp_path / "~no-such-user-here/a"
    for text in ("", "  ", "a\0b"):
        with pytest.raises(WorkflowError):
            typed_path(text, tmp_path)


def test_pictures(tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "ü.png").write_bytes(b"x")
    (tmp_path / "empty.png").touch()
    (tmp_path / "a.txt").write_text("x")
    assert [item.name for item in list_items(tmp_path)] == ["dir", "empty.png", "ü.png"]
    assert read_picture(tmp_path / "ü.png") == ("ü.png", b"x")
    (tmp_path / "big.png").touch()
    os.truncate(tmp_path / "big.png", 101 * 1024 * 1024)
    for name, words in (
        ("empty.png", "empty"),
        ("big.png", "at most 100 MB"),
        ("dir", "."),
        ("no.png", "No such"),
    ):
        with pytest.raises(WorkflowError, match=words):
            read_picture(tmp_path / name)


def test_groups_of_the_server() -> None:
    group = server_group(
        (UserFile("b/x.json", 3, 1.0), UserFile("a.json", None, None), UserFile("z.txt", 1, 1.0))
    )
    assert [entry.name for entry in group.entries] == ["a", "b/x"]
    group = template_group((Template("t", "Title"), Template("u", "Two", "pack"), Template("t", "Title")))
    assert [entry.name for entry in group.entries] == ["Title", "pack: Two"]
    assert server_group(()).note
    assert template_group(()).note


@pytest.mark.parametrize("legacy", [False, True])
async def test_the_servers_workflows_can_be_read(legacy: bool) -> None:
    async with DemoServer(legacy=legacy) as server, ComfyClient(profile_from_url(server.url)) as client:
        saved, templates = await remote_groups(client)
        assert "text_to_image" in [entry.name for entry in saved.entries]
        assert templates.entries[0].name == "Text to image (demo)"
        for entry in (saved.entries[0], templates.entries[0]):
            assert isinstance(json.loads(await read_remote(entry, client)), dict)


async def test_a_source_that_fails_says_why_and_the_other_stays() -> None:
    async with DemoServer() as server, ComfyClient(profile_from_url(server.url)) as client:
        server.faults.set("/userdata", status=500)
        saved, templates = await remote_groups(client)
        assert saved.entries == ()
        assert "The server failed" in saved.note
        assert templates.entries


# -- pictures, videos and sound ----------------------------------------------------------------


def made_by_comfyui(text: str = '{"1": {"class_type": "A", "inputs": {}}}') -> bytes:
    content = io.BytesIO()
    tags = PngInfo()
    tags.add_text("prompt", text)
    Image.new("RGB", (2, 2)).save(content, "PNG", pnginfo=tags)
    return content.getvalue()


def test_media_are_listed_under_a_heading_of_their_own(tmp_path: Path) -> None:
    project, folder = tmp_path / "p", tmp_path / "out"
    for place in (project / "workflows" / "made", folder):
        place.mkdir(parents=True)
    (project / "workflows" / "a.json").write_text("{}")
    for name in ("made/b.PNG", "c.mp4", "d.flac", ".hidden.png", "e.txt", "f.safetensors"):
        (project / "workflows" / name).write_bytes(b"nothing is read of it")
    (folder / "g.webp").touch()
    groups = local_groups(find_project(project, project), (folder,))
    assert [group.title for group in groups] == [
        "Project p",
        "Folder out",
        "Project p: pictures, videos, sound",
        "Folder out: pictures, videos, sound",
    ]
    assert [entry.name for entry in groups[0].entries] == ["a"]
    assert {entry.name for entry in groups[2].entries} == {"made/b.PNG", "c.mp4", "d.flac"}
    assert "no *.json" in groups[1].note
    assert all(entry.is_media for entry in groups[2].entries)
    assert not groups[0].entries[0].is_media
    assert len({group.key for group in groups}) == 4


def test_a_folder_full_of_pictures_does_not_flood_the_list(tmp_path: Path) -> None:
    for number in range(MEDIA_LIMIT + 50):
        picture = tmp_path / f"ComfyUI_{number:05}_.png"
        picture.touch()
        os.utime(picture, (number, number))
    listed, media = list_groups("f", "F", tmp_path)
    assert listed.entries == ()
    assert len(media.entries) == MEDIA_LIMIT
    assert media.entries[0].name == f"ComfyUI_{MEDIA_LIMIT + 49:05}_.png"  # the newest first
    assert f"the newest of {MEDIA_LIMIT + 50}" in media.note


def test_the_workflow_in_a_picture(tmp_path: Path) -> None:
    (tmp_path / "made.png").write_bytes(made_by_comfyui())
    file = read_workflow(tmp_path / "made.png", name="made.png")
    assert file.prompt == {"1": {"class_type": "A", "inputs": {}}}
    assert file.name == "made.png"
    (tmp_path / "text.png").write_text('{"1": {"class_type": "A", "inputs": {}}}')
    assert read_workflow(tmp_path / "text.png").prompt  # the content decides
    Image.new("RGB", (2, 2)).save(tmp_path / "plain.png")
    with pytest.raises(WorkflowError, match="holds no workflow"):
        read_workflow(tmp_path / "plain.png")


def test_of_large_media_a_part_is_read(tmp_path: Path) -> None:
    video = tmp_path / "long.png"
    video.write_bytes(made_by_comfyui())
    os.truncate(video, 3 * 1024**3)  # a sparse file
    started = time.monotonic()
    assert read_workflow(video).prompt
    assert time.monotonic() - started < 1
    (tmp_path / "big.json").touch()
    os.truncate(tmp_path / "big.json", 65 * 1024 * 1024)
    with pytest.raises(WorkflowError, match="at most 64 MB"):
        read_workflow(tmp_path / "big.json")


def test_what_is_no_file_is_no_workflow(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for name, words in (("pipe.png", "not a file"), ("", "directory|not a file"), ("no.png", "No such file")):
        with pytest.raises(WorkflowError, match=words):
            read_workflow(tmp_path / name)
    with pytest.raises(WorkflowError, match="null"):
        read_workflow(tmp_path / "a\0b")
