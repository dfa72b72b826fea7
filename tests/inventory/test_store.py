from __future__ import annotations

import os
import stat
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy_tui.inventory import store as module
from comfy_tui.inventory.inventory import Inventory, Origin, Pack, System
from comfy_tui.inventory.store import MAGIC, InventoryStore, StoreError, pack, unpack

BOX = Inventory(
    server="http://box:8188/comfy",
    comfyui_version="0.26.0",
    fetched_at_s=1000.5,
    object_info={"Ä": {"input": {}, "output": ["X"]}, "B": {"output": []}},
    models={"vae": ("a.pt", "b\udc80.pt"), "loras": ()},
    models_at_s=1001.5,
    embeddings=("e",),
    packs=(Pack("p", 1, "1.0", "p-id"), Pack("q")),
    packages=(("frontend", "1.2"),),
    system=System("Card", 2**34, 2**33),
    mark="m",
)


@pytest.fixture
def store(tmp_path: Path) -> InventoryStore:
    return InventoryStore(tmp_path / "cache" / "inventory")


def test_it_comes_back_as_it_was_but_says_that_it_is_old(store: InventoryStore) -> None:
    path = store.save(BOX)
    assert path is not None
    for found in (store.load(BOX.server), store.load(BOX.server, "0.26.0")):
        assert found == replace(BOX, origin=Origin.CACHE)
        assert not found.is_live
    assert store.load(BOX.server, "0.3.64") is None
    assert store.load("http://other") is None
    assert unpack(pack(Inventory(object_info={}))).models is None


def test_it_is_private_and_whole(store: InventoryStore) -> None:
    path = store.save(BOX)
    assert path is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert [found.name for found in store.folder.iterdir()] == [path.name]
    assert path.name.startswith("box_8188_comfy-")
    assert path.name.endswith("-0.26.0.inventory")


def test_a_name_from_outside_is_a_plain_file_name(store: InventoryStore) -> None:
    odd = replace(BOX, server="http://h/../../" + "x" * 500, comfyui_version="../../../etc/\0passwd" * 9)
    path = store.save(odd)
    assert path is not None
    assert path.parent == store.folder
    assert len(path.name) < 200
    assert store.load(odd.server) is not None


def test_the_newest_version_counts(store: InventoryStore) -> None:
    for number, version in enumerate(("0.3.64", "0.26.0", "0.25.0")):
        path = store.save(replace(BOX, comfyui_version=version))
        assert path is not None
        os.utime(path, ns=(number, number))
    found = store.load(BOX.server)
    assert found is not None
    assert found.comfyui_version == "0.25.0"


def test_a_damaged_file_is_set_aside_and_counts_as_none(store: InventoryStore) -> None:
    path = store.save(BOX)
    assert path is not None
    content = path.read_bytes()
    path.write_bytes(content[:-5])
    assert store.load(BOX.server) is None
    assert [found.name for found in store.folder.iterdir()] == [path.name + ".broken"]
    assert store.save(BOX) == path
    assert store.load(BOX.server) is not None


def test_an_older_one_serves_where_the_newest_is_damaged(store: InventoryStore) -> None:
    old, new = (store.save(replace(BOX, comfyui_version=version)) for version in ("0.3.64", "0.26.0"))
    assert old is not None
    assert new is not None
    new.write_bytes(b"")
    os.utime(old, ns=(1, 1))
    found = store.load(BOX.server)
    assert found is not None
    assert found.comfyui_version == "0.3.64"


@given(st.binary(max_size=300), st.integers(0, 10_000))
def test_whatever_the_bytes_are_it_is_an_error_of_ours(junk: bytes, at: int) -> None:
    content = pack(BOX)
    at %= len(content)
    body = zlib.decompress(content[len(MAGIC) :])
    edge = at % len(body)
    for changed in (
        junk,
        MAGIC + junk,
        content[:at] + junk + content[at + len(junk) :],
        MAGIC + zlib.compress(junk),
        MAGIC + zlib.compress(body[:edge] + junk + body[edge + len(junk) :]),
    ):
        try:
            assert isinstance(unpack(changed), Inventory)
        except StoreError:
            continue


def test_what_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UNPACKED_LIMIT_BYTES", 1000)
    with pytest.raises(StoreError, match="too large"):
        unpack(MAGIC + zlib.compress(bytes(1001)))


def test_count_and_size_are_bounded(store: InventoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FILE_LIMIT", 3)
    for number in range(6):
        path = store.save(replace(BOX, server=f"http://h{number}"))
        assert path is not None
        os.utime(path, ns=(number, number))
    left = [number for number in range(6) if store.load(f"http://h{number}") is not None]
    assert left == [3, 4, 5]
    monkeypatch.setattr(module, "TOTAL_LIMIT_BYTES", 10)
    path = store.save(BOX)
    assert [found for found in store.folder.iterdir()] == [path]


def test_a_folder_that_cannot_be_written_costs_only_the_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    store = InventoryStore(tmp_path / "file" / "inventory")
    assert store.save(BOX) is None
    assert store.load(BOX.server) is None
