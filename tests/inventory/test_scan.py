from __future__ import annotations

from pathlib import Path

import pytest

from comfy_tui.errors import ConfigError
from comfy_tui.inventory import scan
from comfy_tui.inventory.inventory import Origin, Pack
from comfy_tui.inventory.scan import scan_folder


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


@pytest.fixture
def comfyui(tmp_path: Path) -> Path:
    folder = tmp_path / "ComfyUI"
    models = folder / "models"
    touch(
        models / "checkpoints/put_checkpoints_here",
        models / "checkpoints/a.safetensors",
        models / "checkpoints/xl/b.CKPT",
        models / "checkpoints/readme.md",
        models / "checkpoints/.git/c.ckpt",
        models / "unet/u.safetensors",
        models / "diffusion_models/d.sft",
        models / "clip/l.safetensors",
        models / "configs/v1.yaml",
        models / "configs/v1.txt",
        models / "classifiers/any",
        models / "diffusers/pipe/model_index.json",
        models / "diffusers/pipe/unet/x.safetensors",
        models / "ultralytics/bbox/face.onnx",
        models / "embeddings/bad.pt",
        models / ".hidden/x.pt",
        folder / "custom_nodes/pack/__init__.py",
        folder / "custom_nodes/off.disabled/__init__.py",
        folder / "custom_nodes/single.py",
        folder / "custom_nodes/example_node.py.example",
        folder / "custom_nodes/__pycache__/x.pyc",
    )
    (folder / "custom_nodes/pack/pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    (models / "vae").mkdir()
    (folder / "comfyui_version.py").write_text('# made\n__version__ = "0.26.0"\n')
    return folder


def test_what_a_folder_holds(comfyui: Path) -> None:
    found = scan_folder(comfyui, clock=lambda: 9.0)
    assert found.models == {
        "checkpoints": ("a.safetensors", "xl/b.CKPT"),
        "classifiers": ("any",),
        "configs": ("v1.yaml",),
        "diffusers": ("pipe",),
        "diffusion_models": ("d.sft", "u.safetensors"),
        "embeddings": ("bad.pt",),
        "text_encoders": ("l.safetensors",),
        "ultralytics": ("bbox/face.onnx",),
        "vae": (),
    }
    assert found.embeddings == ("bad",)
    assert found.packs == (Pack("pack", version="1.2.3"), Pack("single"))
    assert (found.comfyui_version, found.origin, found.fetched_at_s) == ("0.26.0", Origin.FOLDER, 9.0)
    assert found.notes == ()


def test_more_places(comfyui: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIG_DISK", str(tmp_path / "disk"))
    touch(
        tmp_path / "disk/ck/far.safetensors",
        tmp_path / "disk/ck2/a.safetensors",
        tmp_path / "a1111/lora/l.pt",
        comfyui / "near/v.pt",
        tmp_path / "nodes/more/__init__.py",
    )
    (comfyui / "extra_model_paths.yaml").write_text(
        f"big:\n  base_path: $BIG_DISK\n  is_default: true\n  checkpoints: |\n    ck\n    ck2\n"
        f"web:\n  base_path: ../a1111\n  loras: lora\n  unet: none\n"
        f"plain:\n  vae: near\n  custom_nodes: {tmp_path / 'nodes'}\n  odd: [1]\nempty:\nx: 3\n"
    )
    found = scan_folder(comfyui)
    assert found.models is not None
    assert found.models["checkpoints"] == ("a.safetensors", "far.safetensors", "xl/b.CKPT")
    assert (found.models["loras"], found.models["vae"]) == (("l.pt",), ("v.pt",))
    assert found.pack_names == ("more", "pack", "single")


@pytest.mark.parametrize("text", ["a: [", "- x", "3", "\0", "a: !!python/object:os.system {}"])
def test_a_broken_list_of_places_is_a_note(comfyui: Path, text: str) -> None:
    (comfyui / "extra_model_paths.yaml").write_text(text)
    found = scan_folder(comfyui)
    assert found.models is not None
    assert len(found.models) == 9
    assert len(found.notes) <= 1


def test_links_in_a_circle_end(comfyui: Path) -> None:
    checkpoints = comfyui / "models/checkpoints"
    (checkpoints / "xl/up").symlink_to(checkpoints)
    (checkpoints / "self").symlink_to(checkpoints / "self")
    (comfyui / "models/loras").symlink_to(checkpoints)
    found = scan_folder(comfyui)
    assert found.models is not None
    assert found.models["checkpoints"] == ("a.safetensors", "xl/b.CKPT")
    assert found.models["loras"] == found.models["checkpoints"]


def test_it_is_bounded(comfyui: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = comfyui / "models/vae"
    for _ in range(20):
        deep = deep / "d"
    touch(deep / "x.pt")
    found = scan_folder(comfyui)
    assert found.models is not None
    assert found.models["vae"] == ()
    assert "levels" in found.notes[0]
    monkeypatch.setattr(scan, "FILE_LIMIT", 2)
    assert sum(map(len, (scan_folder(comfyui).models or {}).values())) <= 2


def test_it_is_no_comfyui_folder(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "gone"):
        with pytest.raises(ConfigError, match=r"main\.py|no such folder|neither"):
            scan_folder(folder)
