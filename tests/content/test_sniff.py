"""What a file is, by its bytes."""

from __future__ import annotations

import io
import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from comfy_tui.content.sniff import Medium, sniff


def picture(form: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, form)
    return out.getvalue()


@pytest.mark.parametrize(
    ("form", "name"),
    [(f, f) for f in ("PNG", "JPEG", "GIF", "BMP", "AVIF", "TIFF", "ICO", "PPM")] + [("WEBP", "WebP")],
)
def test_pictures(form: str, name: str) -> None:
    sort = sniff(picture(form), "mp4")
    assert (sort.medium, sort.format) == (Medium.PICTURE, name)


def safetensors(name: str) -> bytes:
    head = json.dumps({name: {"dtype": "F32", "shape": [1, 4, 8, 8], "data_offsets": [0, 1024]}}).encode()
    return struct.pack("<Q", len(head)) + head + bytes(1024)


@pytest.mark.parametrize(
    ("head", "ending", "medium", "form"),
    [
        (b"\0\0\0\x20ftypisom", "", Medium.VIDEO, "MP4"),
        (b"\0\0\0\x20ftypqt  ", "", Medium.VIDEO, "MOV"),
        (b"\0\0\0\x20ftypM4A ", "", Medium.AUDIO, "M4A"),
        (b"\x1a\x45\xdf\xa3\x01", "png", Medium.VIDEO, "WebM or MKV"),
        (b"RIFF\0\0\0\0WAVEfmt ", "", Medium.AUDIO, "WAV"),
        (b"RIFF\0\0\0\0AVI LIST", "", Medium.VIDEO, "AVI"),
        (b"fLaC\0\0\0\x22", "", Medium.AUDIO, "FLAC"),
        (b"ID3\x04\0\0", "", Medium.AUDIO, "MP3"),
        (b"\xff\xfb\x90\x64\0", "", Medium.AUDIO, "MP3"),
        (b"OggS" + bytes(24) + b"OpusHead", "", Medium.AUDIO, "Opus"),
        (b"glTF\x02\0\0\0", "", Medium.MODEL, "GLB"),
        (b"ply\nformat ascii 1.0\n", "", Medium.MODEL, "PLY"),
        (b"solid x\n facet normal 0 0 0\n", "", Medium.MODEL, "STL"),
        (bytes(80) + b"\x02\0\0\0" + bytes(100), "stl", Medium.MODEL, "STL"),
        (b"# Blender v3\nv 1 2 3\nv 1 2 4\n", "obj", Medium.MODEL, "OBJ"),
        (safetensors("latent_tensor"), "latent", Medium.LATENT, "latent"),
        (safetensors("weight"), "x", Medium.OTHER, "safetensors"),
        (b'{"a": 1}', "png", Medium.TEXT, "JSON"),
        (b'\xef\xbb\xbf[1, "\xc3\xb6"]', "txt", Medium.TEXT, "JSON"),
        ("größe\n".encode(), "md", Medium.TEXT, "md"),
        (b"a,b\n1,2\n", "csv", Medium.TEXT, "csv"),
        (b"<html>", "png", Medium.TEXT, "text"),
        (b"v/1\x01\x02\0\0\0", "exr", Medium.PICTURE, "EXR"),
        (b"PK\x03\x04", "zip", Medium.OTHER, "ZIP"),
        (b"", "png", Medium.OTHER, ""),
        (bytes(5000), "png", Medium.OTHER, ""),
    ],
)
def test_kinds(head: bytes, ending: str, medium: Medium, form: str) -> None:
    sort = sniff(head, ending)
    assert (sort.medium, sort.format) == (medium, form)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["", "png", "stl", "json", "obj", "txt", "tga"]))
def test_any_bytes_are_something(head: bytes, ending: str) -> None:
    assert sniff(head, ending).medium in Medium
