"""Advice about models: where they are, where they belong, what is there instead."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from advice_cases import (
    HF,
    OBJECT_INFO,
    RECORDINGS,
    ask,
    editor,
    entry,
    everything,
    missing,
    node,
    only,
    prompt_of,
    source,
    unlisted,
)

from comfy_tui.workflow.advice import (
    AdviceKind,
    Catalogue,
    Knowledge,
    Near,
    Origin,
    advise,
    as_script,
    read_references,
)
from comfy_tui.workflow.advice.folders import folder_of
from comfy_tui.workflow.advice.models import read_model_list
from comfy_tui.workflow.diagnostic import Severity

# -- models ------------------------------------------------------------------------------------------------


def test_the_sources_of_a_model_in_their_order() -> None:
    name = "ae.safetensors"
    workflow = editor(node("VAELoader", models=[entry(name, hash="ab", hash_type="SHA256")]))
    facts: dict[str, Any] = {
        "references": (source(name, Origin.PROJECT, "checkpoints"),),
        "catalogue": Catalogue({name: (source(name, Origin.CATALOGUE),)}),
        "model_list": (source(name, Origin.MODEL_LIST),),
    }
    advice = ask(name, workflow, **facts)
    assert (advice.kind, advice.origin) == (AdviceKind.DOWNLOAD_MODEL, Origin.WORKFLOW)
    assert (advice.file_name, advice.folder, advice.url) == (name, "vae", HF + name)
    assert advice.sha256 == "ab"
    assert advice.link == "https://huggingface.co/Comfy-Org/z"
    assert advice.commands == (
        f"comfy model download --url {HF}{name} --relative-path models/vae --filename {name}",
        f"curl -L -C - --fail --create-dirs -o models/vae/{name} {HF}{name}",
    )
    assert ask(name, None, **facts).origin is Origin.PROJECT
    assert ask(name, None, **facts).folder == "vae"  # not the list's own word
    facts.pop("references")
    assert ask(name, None, **facts).origin is Origin.CATALOGUE
    facts.pop("catalogue")
    assert ask(name, None, **facts).origin is Origin.MODEL_LIST
    assert ask(name, None).kind is AdviceKind.FIND_MODEL


def test_entries_anywhere_in_the_workflow_count() -> None:
    inner = {
        "definitions": {"subgraphs": [{"id": "s", "nodes": [node("VAELoader", models=[entry("i.sft")])]}]}
    }
    assert ask("i.sft", editor(**inner)).url == HF + "i.sft"
    assert ask("r.sft", editor(models=[entry("r.sft")])).url == HF + "r.sft"
    assert (
        ask("sub\\r.sft", editor(models=[entry("r.sft")])).commands[1].split()[-2] == "models/vae/sub/r.sft"
    )


def test_an_entry_of_another_folder_is_another_file() -> None:
    workflow = editor(node("VAELoader", models=[entry("ae.safetensors", folder="loras")]))
    assert ask("ae.safetensors", workflow).kind is AdviceKind.FIND_MODEL


def test_pages_of_files_become_files() -> None:
    url = "https://huggingface.co/a/b/blob/main/x.safetensors"
    assert ask("x.safetensors", editor(models=[entry("x.safetensors", url)])).url == url.replace(
        "blob", "resolve"
    )


def test_the_same_file_in_another_subfolder_is_chosen() -> None:
    advice = ask(
        "ae.safetensors", editor(models=[entry("ae.safetensors")]), models={"vae": ["x/ae.safetensors"]}
    )
    assert advice.kind is AdviceKind.CHOOSE_MODEL
    assert advice.near == (Near("vae", "x/ae.safetensors", same_file=True),)
    assert "x/ae.safetensors" in advice.message
    slashes = ask("x\\ae.safetensors", models={"vae": ["x/ae.safetensors"]})
    assert slashes.kind is AdviceKind.CHOOSE_MODEL


def test_the_same_file_in_another_folder_and_files_called_alike() -> None:
    models = {"vae": ["wan_2.1_vae_bf16.safetensors", "other.pt"], "loras": ["wan_2.1_vae.safetensors"]}
    advice = ask("wan_2.1_vae.safetensors", editor(models=[entry("wan_2.1_vae.safetensors")]), models=models)
    assert advice.kind is AdviceKind.DOWNLOAD_MODEL
    assert advice.near == (
        Near("loras", "wan_2.1_vae.safetensors", same_file=True),
        Near("vae", "wan_2.1_vae_bf16.safetensors"),
    )
    assert "loras" in advice.message
    assert "\ncomfy model" not in as_script([advice])


def test_what_a_check_suggests_counts_only_where_it_is_alike() -> None:
    finding = unlisted("VAELoader", "vae_name", suggestions=("pixel_space", "wan_vae_fp16.pt"))
    advice = only(advise([finding], prompt=prompt_of("VAELoader", vae_name="wan_vae.pt")))
    assert advice.near == (Near("vae", "wan_vae_fp16.pt"),)


def test_common_names_are_not_matched_alone() -> None:
    name = "diffusion_pytorch_model.safetensors"
    listed = (source(name, Origin.MODEL_LIST, subfolder="FLUX.1/union"),)
    assert ask(name, None, model_list=listed).kind is AdviceKind.FIND_MODEL
    assert ask(f"FLUX.1/union/{name}", None, model_list=listed).kind is AdviceKind.DOWNLOAD_MODEL
    assert ask(name, None, models={"loras": [name]}).near == ()


def test_one_file_for_many_nodes_is_one_advice() -> None:
    prompt = {str(n): {"class_type": "VAELoader", "inputs": {"vae_name": "a.pt"}} for n in range(3)}
    advice = only(advise([unlisted("VAELoader", "vae_name", str(n)) for n in range(3)], prompt=prompt))
    assert advice.nodes == ("0", "1", "2")


@pytest.mark.parametrize(
    ("url", "name", "words"),
    [
        ("https://files.example/x.safetensors", "x.safetensors", "files.example"),
        ("http://huggingface.co/a/b/resolve/main/x.safetensors", "x.safetensors", "encrypted"),
        (HF + "x.ckpt", "x.ckpt", "program"),
        ("https://huggingface.co.evil.example/x.safetensors", "x.safetensors", "evil"),
    ],
)
def test_downloads_that_deserve_a_look(url: str, name: str, words: str) -> None:
    advice = ask(name, editor(models=[entry(name, url)]))
    assert words in advice.doubt
    assert advice.commands
    assert not [line for line in as_script([advice]).splitlines() if line and not line.startswith("#")]


def test_folders_are_derived_where_the_class_does_not_tell() -> None:
    assert folder_of("CLIPVisionLoader", "clip_name", None, {}) == "clip_vision"
    assert folder_of("CLIPLoader", "clip_name", None, {}) == "text_encoders"
    models = {"odd": ["a.pt", "b.pt"], "all": ["a.pt", "b.pt", "c.pt"], "none": []}
    assert folder_of("OddLoader", "file", OBJECT_INFO, models) == "odd"
    assert folder_of("OddLoader", "file", OBJECT_INFO, {"x": ["a.pt", "b.pt"], "y": ["a.pt", "b.pt"]}) is None
    assert folder_of("OddLoader", "file", OBJECT_INFO, {"unet": ["a.pt", "b.pt"]}) == "diffusion_models"
    assert folder_of("SomePack", "lora_name", None, {}) == "loras"
    assert folder_of(None, None, None, {}) is None


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="no recordings of real servers here")
@pytest.mark.parametrize("version", ["0.26.0", "0.3.64"])
def test_the_folders_of_real_servers(version: str) -> None:
    for one in json.loads((RECORDINGS / f"loader-inputs-{version}.json").read_text()):
        assert folder_of(one["class_type"], one["input"], None, {}) in one["folders"], one


def test_models_of_nodes_that_are_missing_themselves() -> None:
    lacking = {
        **node("NewCore", models=[entry("n.safetensors"), entry("old.safetensors")]),
        "widgets_values": ["n.safetensors"],
    }
    found = advise([missing("NewCore")], workflow=editor(lacking), knowledge=everything(models={"vae": []}))
    assert [(a.kind, a.what, a.severity) for a in found[1:]] == [
        (AdviceKind.DOWNLOAD_MODEL, "n.safetensors", Severity.WARNING)
    ]
    assert len(advise([missing("NewCore")], workflow=editor(lacking), knowledge=everything())) == 1
    there = everything(models={"vae": ["n.safetensors"]})
    assert len(advise([missing("NewCore")], workflow=editor(lacking), knowledge=there)) == 1


def test_embeddings_in_texts() -> None:
    prompt = prompt_of(
        "CLIPTextEncode", text="a embedding:EasyNegative, (embedding:there:1.2) embedding:sub/one."
    )
    known = Knowledge(models={"embeddings": ["there.pt", "sub/one.safetensors"]})
    advice = only(advise([], prompt=prompt, knowledge=known))
    assert (advice.folder, advice.severity, advice.input) == ("embeddings", Severity.WARNING, "text")
    assert advice.what == "EasyNegative.safetensors"
    assert advise([], prompt=prompt) == ()


def test_the_managers_model_list() -> None:
    base = {"name": "n", "type": "checkpoint", "base": "", "description": "", "reference": "", "size": ""}
    listed = read_model_list(
        {
            "models": [
                {
                    **base,
                    "save_path": "vae/FLUX1",
                    "filename": "ae.safetensors",
                    "url": HF + "ae.safetensors",
                },
                {**base, "save_path": "default", "filename": "c.ckpt", "url": HF + "c.ckpt"},
                {**base, "save_path": "clip", "filename": "t.sft", "url": HF + "t.sft"},
                {**base, "save_path": "x", "filename": "<huggingface>", "url": "a/b"},
                {**base, "save_path": "../x", "filename": "evil.pt", "url": HF + "evil.pt"},
                {**base, "save_path": "vae", "filename": "f.pt", "url": "file:///etc/passwd"},
                3,
            ]
        }
    )
    assert [(s.folder, s.subfolder, s.name) for s in listed] == [
        ("vae", "FLUX1", "ae.safetensors"),
        ("checkpoints", "", "c.ckpt"),
        ("text_encoders", "", "t.sft"),
    ]
    assert read_model_list(None) == ()


REFERENCES = """# Models
### FLUX
- **Download**: https://huggingface.co/black-forest-labs/FLUX.1-dev
- **Files**: `flux1-dev.safetensors` (23.8GB)
- **Path**: `models/checkpoints/`
  - VAE: `ae.safetensors` → `models/vae/`
### Direct
[up](https://huggingface.co/a/b/blob/main/4x.pth) in models/upscale_models
| `face.pt` | models/ultralytics/bbox/ | https://civitai.com/models/3 |
### None
- `lonely.safetensors`, and plain name.gguf too
- `not_a_model.txt` `../../x.safetensors`
"""


def test_the_projects_own_list() -> None:
    found = {one.name: one for one in read_references(REFERENCES)}
    flux = found["flux1-dev.safetensors"]
    assert (flux.folder, flux.url) == ("checkpoints", None)
    assert flux.page == "https://huggingface.co/black-forest-labs/FLUX.1-dev"
    assert found["ae.safetensors"].folder == "vae"
    assert found["4x.pth"].url == "https://huggingface.co/a/b/resolve/main/4x.pth"
    assert found["4x.pth"].folder == "upscale_models"
    assert (found["face.pt"].folder, found["face.pt"].subfolder) == ("ultralytics", "bbox")
    assert found["face.pt"].page == "https://civitai.com/models/3"
    assert found["lonely.safetensors"].page is None
    assert found["name.gguf"].url is None
    assert "not_a_model.txt" not in found
    advice = ask("ae.safetensors", None, references=tuple(found.values()))
    assert (advice.kind, advice.origin) == (AdviceKind.FIND_MODEL, Origin.PROJECT)
    assert advice.link == flux.page
    assert advice.commands == ()


def test_a_hostile_list_is_read_soon() -> None:
    start = time.perf_counter()
    read_references("a.b-c+d" * 60_000)
    read_references("`" * 400_000)
    read_references("https://" + "x" * 400_000)
    read_references("# x\n" * 100_000)
    assert time.perf_counter() - start < 5
