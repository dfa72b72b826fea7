"""Commands and scripts that nobody can bend."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from advice_cases import (
    HF,
    editor,
    entry,
    everything,
    missing,
    node,
    prompt_of,
    unlisted,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from comfy_tui.text import DROP
from comfy_tui.workflow.advice import (
    Pack,
    advise,
    as_script,
)
from comfy_tui.workflow.advice.commands import (
    download_commands,
    install_commands,
    repository_of,
    safe_id,
    safe_path,
    safe_url,
)

# -- commands ----------------------------------------------------------------------------------------------

ODD = [
    "", "-rf", "--url=x", "a b", "a;b", "$(x)", "`x`", "a\nb", "a\x1b[31m", "../x", "a/../b", "/etc/passwd",
    "a'b",
    'a"b', "~", "a\u202eb", "x" * 3000, "C:\\x", "a|b", "a>b", "\ud800", "caf\u00e9",
]  # fmt: skip


@pytest.mark.parametrize("text", ODD)
def test_what_is_no_id_and_no_repository(text: str) -> None:
    assert safe_id(text) is None
    assert repository_of(f"{text}/x") is None
    assert repository_of(f"owner/{text}" if text != "-rf" else "-rf/x") is None
    assert install_commands(Pack(text, text, text)) == ()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/x", "file:///etc/passwd", "javascript:alert(1)", "//host/x", "https://", "https:///x",
        "https://user:pw@host/x", "https://host/a b", "https://host/\x1b]0;x", "https://host/\nx", "https://host:x/",
        "https://host/'$(x)'", "https://host/`x`", "https://host/\u202e", "https://h\u00f6st/x", "-https://host/x",
        "https://[::1/x", "https://host/" + "x" * 3000, None, 3,
    ],
)  # fmt: skip
def test_what_is_no_url(url: Any) -> None:
    assert safe_url(url) is None


def test_urls_stay_what_they_are() -> None:
    url = "https://civitai.com/api/download/models/1?type=Model&format=SafeTensor&x=%20#a"
    assert safe_url(url) == url
    assert safe_url("https://host/caf\u00e9") == "https://host/caf%C3%A9"


@pytest.mark.parametrize(
    "name", ["../x.pt", "a/../../x.pt", "/x.pt", "\\x.pt", "..\\x.pt", "a//x.pt", "C:\\x.pt", "x\n.pt", ""]
)
def test_what_is_no_place_below_models(name: str) -> None:
    assert safe_path("vae", name) is None
    assert download_commands(HF + "x.pt", "vae", name) == ()
    workflow = editor(models=[entry(name)])
    found = advise(
        [unlisted("VAELoader", "vae_name")], prompt=prompt_of("VAELoader", vae_name=name), workflow=workflow
    )
    assert all(advice.commands == () for advice in found)


def test_names_that_look_like_options_or_shell() -> None:
    for name in ("-o.pt", "--url=x.pt", "$(touch x).pt", "a b.pt", "a'b.pt", "x;y.pt"):
        comfy, curl = download_commands(HF + "x.pt", "vae", name)
        words = shlex.split(comfy)
        assert words[:6] == ["comfy", "model", "download", "--url", HF + "x.pt", "--relative-path"]
        assert words[7:] in (["--filename", name], [f"--filename={name}"])
        assert not name.startswith("-") or len(words) == 8
        assert shlex.split(curl)[-2:] == [f"models/vae/{name}", HF + "x.pt"]


def test_the_script_runs_and_names_everything(tmp_path: Path) -> None:
    workflow = editor(
        node("SetBlocks", cnr_id="comfyui-kjnodes"),
        node("VAELoader", models=[entry("ae.safetensors")]),
        node("Thing", aux_id="some/thing"),
    )
    found = [
        missing("SetBlocks"),
        missing("Thing"),
        missing("Nobody\nrm -rf /"),
        unlisted("VAELoader", "vae_name"),
    ]
    advices = advise(found, workflow=workflow, prompt=prompt_of("VAELoader", vae_name="ae.safetensors"))
    script = as_script(advices)
    active = [line for line in script.splitlines() if line and not line.startswith("#")]
    assert active == [
        "comfy node install comfyui-kjnodes",
        f"comfy model download --url {HF}ae.safetensors --relative-path models/vae --filename ae.safetensors",
    ]
    assert "# comfy node install https://github.com/some/thing" in script
    assert "Restart ComfyUI" in script
    assert "Restart" not in as_script([])


TEXTS = st.one_of(st.text(max_size=30), st.sampled_from([*ODD, "VAELoader", "Old", "ae.safetensors", "x.pt"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)
NODE = st.fixed_dictionaries(
    {
        "type": TEXTS,
        "widgets_values": JSON,
        "properties": st.fixed_dictionaries(
            {},
            optional={
                "cnr_id": TEXTS | JSON,
                "aux_id": TEXTS | st.builds("{}/{}".format, TEXTS, TEXTS) | JSON,
                "ver": TEXTS | JSON,
                "models": JSON
                | st.lists(
                    st.fixed_dictionaries(
                        {
                            "name": TEXTS,
                            "url": TEXTS | st.builds("https://host/{}".format, TEXTS),
                            "directory": TEXTS,
                        }
                    ),
                    max_size=3,
                ),
            },
        ),
    }
)
ACTIVE = re.compile(r"(comfy (node (install|update)|model download|update comfy)|curl -L|pip install -r) ?")


@settings(max_examples=200, deadline=None)
@given(st.lists(NODE, max_size=4), st.dictionaries(st.sampled_from("12"), JSON, max_size=2), TEXTS, TEXTS)
def test_no_workflow_bends_a_command(
    nodes: list[Any], prompt: dict[str, Any], class_type: str, value: str
) -> None:
    prompt = {**prompt, "9": {"class_type": "VAELoader", "inputs": {"vae_name": value}}}
    found = [missing(node["type"]) for node in nodes if node["type"]]
    found += [missing(class_type or "x"), unlisted("VAELoader", "vae_name", "9")]
    advices = advise(
        found, prompt=prompt, workflow={"nodes": nodes, "models": prompt}, knowledge=everything()
    )
    script = as_script(advices)
    for line in script.splitlines():
        assert line.translate(DROP) == line
        assert not line or line.startswith("#") or ACTIVE.match(line), line
    for advice in advices:
        for command in advice.commands:
            assert "\n" not in command
            assert shlex.split(command)[0] in ("comfy", "curl", "pip", "git")
        assert advice.link is None or advice.link.startswith(("https://", "http://"))


def test_a_shell_finds_no_fault_with_the_script() -> None:
    workflow = editor(models=[entry("$(touch x) 'a.pt"), entry('"b.pt')])
    found = [unlisted("VAELoader", "vae_name", "1"), unlisted("VAELoader", "vae_name", "2")]
    prompt = {
        "1": {"class_type": "VAELoader", "inputs": {"vae_name": "$(touch x) 'a.pt"}},
        "2": {"class_type": "VAELoader", "inputs": {"vae_name": '"b.pt'}},
    }
    script = as_script(advise(found, prompt=prompt, workflow=workflow))
    done = subprocess.run(["sh", "-n"], input=script.encode(), capture_output=True, timeout=20)
    assert done.returncode == 0, done.stderr
