"""Workflows in media: every kind of file, and files that are broken or made to harm."""

from __future__ import annotations

import io
import json
import struct
import time
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_files import (
    BOTH,
    PROMPT,
    WORKFLOW,
    box,
    chunk,
    comments,
    element,
    exif,
    flac,
    glb,
    id3,
    item,
    meta,
    mkv,
    mp4,
    ogg,
    page,
    picture,
    png,
    png_by_pillow,
    safetensors,
    svg,
)
from PIL import features

from comfy_tui.errors import WorkflowError
from comfy_tui.workflow import WorkflowKind, parse_file
from comfy_tui.workflow.metadata import media_format, read_media
from exr_file import exr

FILES: dict[str, Callable[[], bytes]] = {
    "png": lambda: png_by_pillow(BOTH),
    "png-packed": lambda: png_by_pillow(BOTH, packed=True),
    "png-itxt": lambda: png_by_pillow(BOTH, itxt=True),
    "png-itxt-packed": lambda: png_by_pillow(BOTH, itxt=True, packed=True),
    "apng": lambda: png(*(chunk(b"comf", f"{k}\0{v}".encode()) for k, v in BOTH.items())),
    "png-exif": lambda: picture(
        "PNG", exif=exif({0x0110: "prompt:" + PROMPT, 0x010F: "workflow:" + WORKFLOW})
    ),
    "webp": lambda: picture("WEBP", exif=exif({0x0110: "prompt:" + PROMPT, 0x010F: "workflow:" + WORKFLOW})),
    "webp-other": lambda: picture(
        "WEBP", exif=exif({0x010F: "Prompt:" + PROMPT, 0x010E: "Workflow:" + WORKFLOW})
    ),
    "jpeg": lambda: picture("JPEG", exif=exif({0x0110: "prompt:" + PROMPT, 0x010F: "workflow:" + WORKFLOW})),
    "jpeg-comment": lambda: picture(
        "JPEG", comment=json.dumps({"prompt": json.loads(PROMPT), "workflow": WORKFLOW}).encode()
    ),
    "jpeg-user-comment": lambda: picture(
        "JPEG",
        exif=exif({0x8769: {0x9286: b"UNICODE\0" + json.dumps(BOTH).encode("utf-16-be")}}),
    ),
    "exr": lambda: exr(2, 2, texts=BOTH),
    "mp4": lambda: mp4(BOTH),
    "mov": lambda: mp4(BOTH, quicktime=True),
    "mp4-comment": lambda: (
        box(b"ftyp", b"isom")
        + box(b"moov", box(b"udta", box(b"meta", bytes(4), box(b"ilst", item(b"\xa9cmt", json.dumps(BOTH))))))
    ),
    "mov-comment": lambda: (
        box(b"ftyp", b"qt  ")
        + box(
            b"moov",
            box(
                b"udta",
                box(b"\xa9cmt", struct.pack(">HH", len(json.dumps(BOTH)), 0), json.dumps(BOTH).encode()),
            ),
        )
    ),
    "mp4-free-item": lambda: (
        box(b"ftyp", b"isom")
        + box(
            b"moov",
            box(
                b"udta",
                box(
                    b"meta",
                    bytes(4),
                    box(
                        b"ilst",
                        *(
                            box(
                                b"----",
                                box(b"mean", bytes(4), b"com.apple.iTunes"),
                                box(b"name", bytes(4), key.encode()),
                                box(b"data", struct.pack(">II", 1, 0), value.encode()),
                            )
                            for key, value in BOTH.items()
                        ),
                    ),
                ),
            ),
        )
    ),
    "webm": lambda: mkv(BOTH),
    "webm-live": lambda: mkv(BOTH, live=True, upper=False),
    "flac": lambda: flac(BOTH),
    "flac-after-id3": lambda: id3({})[:-44] + flac(BOTH),
    "opus": lambda: ogg(b"OpusTags" + comments(BOTH)),
    "vorbis": lambda: ogg(b"\x03vorbis" + comments(BOTH)),
    "ogg-flac": lambda: ogg(b"\x84\0\0\0" + comments(BOTH)),
    "mp3-2.4": lambda: id3(BOTH),
    "mp3-2.3-wide": lambda: id3(BOTH, version=3, wide=True),
    "mp3-2.2": lambda: id3(BOTH, version=2),
    "glb": lambda: glb(BOTH),
    "safetensors": lambda: safetensors(BOTH),
    "svg": lambda: svg(BOTH),
}
if features.check("avif"):
    FILES["avif"] = lambda: picture(
        "AVIF", exif=exif({0x0110: "prompt:" + PROMPT, 0x010F: "workflow:" + WORKFLOW})
    )


@pytest.mark.parametrize("kind", FILES)
def test_reads_both_texts(kind: str) -> None:
    found = read_media(FILES[kind](), kind)
    assert {key: json.loads(text) for key, text in found.items()} == {
        "prompt": json.loads(PROMPT),
        "workflow": json.loads(WORKFLOW),
    }


@pytest.mark.parametrize("kind", FILES)
def test_parse_file_decides_by_content(kind: str) -> None:
    read = parse_file(io.BytesIO(FILES[kind]()), name="misleading.json")
    assert read.kind is WorkflowKind.API
    assert read.prompt is not None
    assert read.prompt["3"]["class_type"] == "KSampler"
    assert read.workflow is not None
    assert read.workflow["nodes"][0]["id"] == 3


@pytest.mark.parametrize("kind", FILES)
def test_every_cut_is_an_error_or_a_result(kind: str) -> None:
    data = FILES[kind]()
    for length in {*range(0, min(len(data), 200), 7), *range(0, len(data), max(1, len(data) // 60))}:
        try:
            parse_file(data[:length], name="cut")
        except WorkflowError:
            continue


@pytest.mark.parametrize("text", [PROMPT, WORKFLOW], ids=["api", "editor"])
def test_json_stays_json(text: str) -> None:
    assert parse_file(text.encode(), name="a.png") == parse_file(io.BytesIO(text.encode()), name="a.png")
    assert media_format(text.encode()) is None
    assert media_format(b"\xff\xfe" + text.encode("utf-16-le")) is None
    assert parse_file(b"\xff\xfe" + text.encode("utf-16-le")).kind in (WorkflowKind.API, WorkflowKind.EDITOR)


def test_one_broken_text_does_not_hide_the_other() -> None:
    read = parse_file(png_by_pillow({"prompt": PROMPT, "workflow": '{"nodes": [,'}), name="a.png")
    assert read.kind is WorkflowKind.API
    assert any("workflow" in note for note in read.notes)
    with pytest.raises(WorkflowError, match=r"The prompt in a\.png is not valid JSON"):
        parse_file(png_by_pillow({"prompt": "{nonsense"}), name="a.png")


def test_only_the_workflow() -> None:
    read = parse_file(png_by_pillow({"workflow": WORKFLOW}))
    assert read.kind is WorkflowKind.EDITOR


def test_numbers_that_are_none_leave_a_note() -> None:
    read = parse_file(png_by_pillow({"prompt": PROMPT.replace('"seed": 1', '"seed": NaN')}))
    assert read.prompt is not None
    assert read.prompt["3"]["inputs"]["seed"] is None
    assert read.notes


def test_texts_of_texts() -> None:
    read = read_media(mp4({"prompt": json.dumps(json.dumps(PROMPT)), "workflow": WORKFLOW}))
    assert json.loads(read["prompt"]) == json.loads(PROMPT)


def test_second_texts_and_empty_ones() -> None:
    empty = chunk(b"tEXt", b"prompt\0") + chunk(b"tEXt", b"workflow\0null")
    later = chunk(b"tEXt", b"prompt\0" + PROMPT.encode())
    assert read_media(png(empty, later)) == {"prompt": PROMPT}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (picture("PNG"), "it is a PNG picture without"),
        (picture("WEBP"), "it is a WebP picture without"),
        (picture("JPEG"), "it is a JPEG picture without"),
        (b"\0\0\0\x0cftypavif" + box(b"meta", bytes(4)), "it is an AVIF or HEIF picture without"),
        (mp4({"title": "x"}), "it is an MP4 or MOV video without"),
        (mkv({"title": "x"}), "WebM"),
        (flac({"title": "x"}), "FLAC"),
        (b"\xff\xfb\x90\0" + bytes(100), "MP3"),
        (png_by_pillow({"parameters": "cat\nSteps: 20"}), "A1111"),
    ],
)
def test_without_a_workflow_it_says_what_it_is(data: bytes, words: str) -> None:
    with pytest.raises(WorkflowError, match="x holds no workflow") as caught:
        parse_file(data, name="x")
    assert words in caught.value.message
    assert "--disable-metadata" in caught.value.hint


def test_other_files() -> None:
    with pytest.raises(WorkflowError, match="not valid JSON"):
        parse_file(b"PK\3\4" + bytes(100), name="a.zip")
    with pytest.raises(WorkflowError, match="not a file that can hold"):
        read_media(b"PK\3\4" + bytes(100), name="a.zip")
    with pytest.raises(WorkflowError):
        parse_file(b"", name="empty")


# -- made to harm ------------------------------------------------------------------------------------------


def hostile() -> dict[str, bytes]:
    bomb = zlib.compress(b"{" + bytes(200_000_000), 9)
    deep = b""
    for _ in range(300):
        deep = box(b"udta", deep)
    nested = b""
    for _ in range(300):
        nested = element(0x67C8, nested)
    folder = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 0xFFFF)
    overlap = folder + struct.pack("<HHII", 0x010E, 2, 4_000_000, 0) * 20_000 + bytes(4_000_000)
    cyclic = b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHII", 0x8769, 4, 1, 8) + bytes(4)
    segment = b"\xff\xd8\xff\xfe\xff\xff" + bytes(65533)
    return {
        "packed bomb": png(chunk(b"zTXt", b"prompt\0\0" + bomb)),
        "packed bomb, itxt": png(chunk(b"iTXt", b"workflow\0\1\0\0\0" + bomb)),
        "many bombs": png(*(chunk(b"zTXt", b"prompt\0\0" + bomb[:4000]) for _ in range(500))),
        "bad pack": png(chunk(b"zTXt", b"prompt\0\0nonsense")),
        "huge chunk": b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 0xFFFFFFFF, b"tEXt") + b"prompt\0{}",
        "many chunks": b"\x89PNG\r\n\x1a\n" + chunk(b"abcd", b"") * 400_000,
        "overlapping exif": b"RIFF\0\0\0\0WEBPEXIF" + struct.pack("<I", len(overlap)) + overlap,
        "cyclic exif": b"RIFF\0\0\0\0WEBPEXIF" + struct.pack("<I", len(cyclic)) + cyclic,
        "jpeg of comments": segment * 100,
        "jpeg of filling": b"\xff\xd8" + b"\xff" * 3_000_000,
        "tiny boxes": box(b"ftyp") + box(b"free") * 1_000_000,
        "zero box": struct.pack(">I4s", 0, b"moov") * 200_000,
        "box too large": box(b"ftyp") + struct.pack(">I4sQ", 1, b"moov", 1 << 63),
        "box too small": box(b"ftyp") + struct.pack(">I4s", 4, b"moov") + bytes(20),
        "deep boxes": box(b"ftyp") + box(b"moov", deep),
        "keys without end": box(b"ftyp")
        + box(
            b"moov",
            box(
                b"meta", bytes(4), box(b"keys", struct.pack(">II", 0, 0xFFFFFFFF), b"\0\0\0\x08mdta" * 20_000)
            ),
        ),
        "picture of many items": box(b"ftyp", b"avif")
        + box(
            b"meta",
            bytes(4),
            box(b"iinf", bytes(6), box(b"infe", b"\2\0\0\0\0\1\0\0Exif")),
            box(
                b"iloc", struct.pack(">B3sHH", 0, b"", 0x4400, 0xFFFF), b"\0\2\0\0\xff\xff" + bytes(9_000_000)
            ),
        ),
        "picture of many parts": box(b"ftyp", b"avif")
        + box(
            b"meta",
            bytes(4),
            box(b"iinf", bytes(6), box(b"infe", b"\2\0\0\0\0\1\0\0Exif")),
            box(
                b"iloc",
                struct.pack(">B3sHH", 0, b"", 0x4400, 1),
                b"\0\1\0\0\xff\xff" + struct.pack(">II", 0, 500_000) * 60_000,
            ),
        ),
        "picture of small parts": box(b"ftyp", b"avif")
        + box(
            b"meta",
            bytes(4),
            box(b"iinf", bytes(6), box(b"infe", b"\2\0\0\0\0\1\0\0Exif")),
            box(
                b"iloc",
                struct.pack(">B3sHH", 0, b"", 0x4400, 1),
                b"\0\1\0\0\x27\x10" + struct.pack(">II", 0, 3300) * 10_000,
            ),
        ),
        "deep tags": element(0x1A45DFA3, b"") + element(0x18538067, element(0x1254C367, nested)),
        "unknown lengths": b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff" + b"\x1f\x43\xb6\x75\xff" * 200_000,
        "unknown elsewhere": b"\x1a\x45\xdf\xa3\xff" + bytes(40),
        "element too long": b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x08\xff\xff\xff\xff",
        "bad number": b"\x1a\x45\xdf\xa3\x80\x00\x00",
        "comment too long": flac({})[:42]
        + b"\x84\0\0\x10"
        + struct.pack("<III", 0, 1, 0xFFFFFFFF)
        + bytes(4),
        "comments without end": flac({})[:42]
        + b"\x84\xff\xff\xff"
        + struct.pack("<II", 0, 0xFFFFFFFF)
        + bytes(0xFFFFFF - 8),
        "blocks without end": b"fLaC" + b"\x01\0\0\0" * 1_000_000,
        "streams without end": b"".join(page(n, b"\1", b"x", first=True) for n in range(50_000)),
        "empty pages": page(1, b"", b"") * 300_000,
        "frame too long": b"ID3\4\0\0" + b"\0\0\0\x20" + b"TXXX\x7f\x7f\x7f\x7f\0\0" + bytes(40),
        "frames without end": b"ID3\3\0\0\x0f\x7f\x7f\x7f" + b"TXXX\0\0\0\0\0\0" * 3_000_000,
        "glb, deep": glb({})[:12] + struct.pack("<I4s", 200_000, b"JSON") + b"[" * 200_000,
        "safetensors, deep": struct.pack("<Q", 200_000) + b'{"a":' * 40_000,
        "svg of begins": b"<svg>" + b"<metadata><![CDATA[" * 400_000,
        "text in text": png_by_pillow({"prompt": '"' * 1_000_000}),
    }


HOSTILE = hostile()


@pytest.mark.parametrize("kind", HOSTILE)
def test_harm_ends_soon_and_with_words(kind: str) -> None:
    start = time.perf_counter()
    with pytest.raises(WorkflowError) as caught:
        read_media(HOSTILE[kind], "x")
    assert time.perf_counter() - start < 3
    assert caught.value.message


def test_too_much_text_says_so() -> None:
    for kind in ("packed bomb", "packed bomb, itxt", "overlapping exif"):
        with pytest.raises(WorkflowError, match="more than 32 MB"):
            read_media(HOSTILE[kind], "x")


def test_a_large_video_is_not_read_whole() -> None:
    class Counting(io.BytesIO):
        count = 0

        def read(self, size: int | None = -1, /) -> bytes:
            found = super().read(size)
            self.count += len(found)
            return found

    film = box(b"ftyp", b"isom") + box(b"mdat", bytes(5_000_000)) + box(b"moov", box(b"udta", meta(BOTH)))
    file = Counting(film)
    assert parse_file(file, name="film.mp4").workflow is not None
    assert file.count < 10_000


SEEDS = [make() for make in FILES.values()]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_change_gives_a_result_or_an_error(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=8))
        if not content:
            break
    with suppress(WorkflowError):
        found = parse_file(bytes(content), name="x")
        assert found.prompt is not None or found.graph is not None


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(
        [
            b"\x89PNG\r\n\x1a\n",
            b"RIFF\0\0\0\0WEBP",
            b"\xff\xd8\xff",
            b"\0\0\0\x08ftyp",
            b"\x1a\x45\xdf\xa3",
            b"fLaC",
            b"OggS",
            b"ID3\3\0\0",
            b"ID3\4\0\0",
            b"ID3\2\0\0",
            b"glTF",
            b"<svg",
            b"\xff\xfb",
            b"",
        ]
    ),
    st.binary(max_size=400),
)
def test_any_bytes_give_a_result_or_an_error(head: bytes, rest: bytes) -> None:
    for content in (head + rest, head + rest * 50):
        with suppress(WorkflowError):
            parse_file(content)
