from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from command_support import GRAPH, NOBODY, PROMPT, Run, write


def plain(text: str) -> object:
    """A prompt without titles."""
    prompt = json.loads(text)
    for node in prompt.values():
        node.pop("_meta", None)
    return prompt


def test_one_file_goes_to_stdout_and_words_to_stderr(run: Run, info: Path, tmp_path: Path) -> None:
    flow = write(tmp_path / "flow.json", GRAPH)
    code, out, err = run("convert", flow, "--object-info", info)
    assert (code, err) == (0, "")
    assert plain(out) == PROMPT


def test_stdout_is_the_same_in_every_locale(run: Run, info: Path, tmp_path: Path) -> None:
    prompt = {**PROMPT, "3": {"class_type": "Make", "inputs": {"size": "\u202eü\x9b"}}}
    code, out, _ = run("convert", write(tmp_path / "flow.json", prompt))
    assert code == 0
    assert out.isascii()
    assert json.loads(out) == prompt


def test_an_api_file_needs_no_server(run: Run, tmp_path: Path) -> None:
    code, out, err = run("convert", write(tmp_path / "p.json", PROMPT), "--server", NOBODY)
    assert (code, err) == (0, "")
    assert json.loads(out) == PROMPT


def test_a_picture_gives_the_prompt_that_made_it(run: Run, tmp_path: Path) -> None:
    tags = PngInfo()
    tags.add_text("prompt", json.dumps(PROMPT))
    tags.add_text("workflow", json.dumps(GRAPH))
    Image.new("RGB", (4, 4)).save(tmp_path / "out.png", pnginfo=tags)
    code, _, err = run("convert", "out.png", "--output-dir", "prompts")
    assert (code, err) == (0, "")
    assert json.loads((tmp_path / "prompts" / "out.json").read_text()) == PROMPT


def test_each_is_written_under_its_own_name_and_a_broken_one_stops_none(
    run: Run, info: Path, tmp_path: Path
) -> None:
    write(tmp_path / "a.json", GRAPH)
    write(tmp_path / "b.json", '{"nodes": [}')
    write(tmp_path / "c.v2.json", PROMPT)
    files = ["a.json", "b.json", "gone.json", "c.v2.json"]
    code, out, err = run("convert", *files, "--object-info", info, "--output-dir", "deep/out")
    assert (code, out) == (1, "")
    assert sorted(path.name for path in (tmp_path / "deep/out").iterdir()) == ["a.json", "c.v2.json"]
    assert plain((tmp_path / "deep/out/a.json").read_text()) == PROMPT
    assert "b.json is not valid JSON" in err
    assert "line 1, column 12" in err
    assert "gone.json: No such file" in err
    assert "2 files of 4 failed" in err


def test_what_was_lost_is_told(run: Run, info: Path, tmp_path: Path) -> None:
    graph = json.loads(json.dumps(GRAPH))
    graph["nodes"][1]["type"] = "Gone\x1b[31m"
    code, out, err = run("convert", write(tmp_path / "f.json", graph), "--object-info", info)
    assert code == 0
    assert json.loads(out)["2"]["inputs"]["images"] == ["1", 0]
    assert "error: node 2 Gone" in err
    assert "[missing_node_type]" in err
    assert "\x1b" not in err


def test_one_output_file(run: Run, info: Path, tmp_path: Path) -> None:
    flow = write(tmp_path / "flow.json", GRAPH)
    target = write(tmp_path / "target.json", "old")
    os.umask(old := os.umask(0))
    assert run("convert", flow, "--object-info", info, "-o", target) == (0, "", "")
    assert plain(target.read_text()) == PROMPT
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~old
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []
    code, _, err = run("convert", flow, "--object-info", info, "-o", "no/such/folder.json")
    assert code == 1
    assert "No such file or directory" in err


def test_a_workflow_is_never_overwritten_by_its_prompt(run: Run, info: Path, tmp_path: Path) -> None:
    flow = write(tmp_path / "flow.json", GRAPH)
    (tmp_path / "link").symlink_to(tmp_path)
    for where in (["--output-dir", "."], ["--output-dir", "link"], ["-o", "flow.json"]):
        code, _, err = run("convert", "flow.json", "--object-info", info, *where)
        assert code == 1
        assert "is the workflow flow.json itself" in err
    assert json.loads(flow.read_text()) == GRAPH


def test_files_of_the_same_name_never_overwrite_each_other(run: Run, info: Path, tmp_path: Path) -> None:
    write(tmp_path / "a/flow.json", GRAPH)
    other = json.loads(json.dumps(PROMPT))
    other["1"]["inputs"]["size"] = 9
    write(tmp_path / "b/flow.json", other)
    files = ["a/flow.json", "b/flow.json", "a/flow.json"]
    code, _, err = run("convert", *files, "--object-info", info, "--output-dir", "out")
    assert code == 1
    assert (
        "b/flow.json: The prompt was not written: out/flow.json is the prompt of a/flow.json already" in err
    )
    assert "1 file of 3 failed" in err
    assert plain((tmp_path / "out/flow.json").read_text()) == PROMPT
    # A second run may replace what an earlier one wrote.
    assert run("convert", "b/flow.json", "--output-dir", "out")[0] == 0
    assert json.loads((tmp_path / "out/flow.json").read_text()) == other


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["a", "b"],
        ["a", "b", "-o", "c"],
        ["a", "-o", "c", "--output-dir", "d"],
        ["a", "--object-info", "i", "--server", "s"],
    ],
)
def test_wrong_usage_is_2(run: Run, argv: list[str]) -> None:
    code, out, err = run("convert", *argv)
    assert (code, out) == (2, "")
    assert "convert --help" in err


def test_no_server_is_3_and_a_bad_object_info_2(run: Run, tmp_path: Path) -> None:
    flow = write(tmp_path / "flow.json", GRAPH)
    code, out, err = run("convert", flow, flow, "--server", NOBODY, "--output-dir", "out")
    assert (code, out) == (3, "")
    assert "refused the connection" in err
    assert run("convert", flow, "--object-info", flow)[0] == 2
    assert run("convert", flow, "--object-info", "gone")[0] == 2
    write(tmp_path / "file", "x")
    assert run("convert", write(tmp_path / "p.json", PROMPT), "--output-dir", "file")[0] == 1


def test_with_a_server(run: Run, demo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = write(tmp_path / "flow.json", GRAPH)
    code, out, err = run("convert", flow, "--server", demo)
    assert code == 0
    assert "the server has no node type Make" in err
    monkeypatch.setenv("COMFYUI_URL", demo)
    assert run("convert", flow) == (code, out, err)


def test_like_a_version_of_the_frontend(run: Run, info: Path, tmp_path: Path) -> None:
    """That reads no links where the version is the text "0.4"; the recommended way is to look at them."""
    file = write(tmp_path / "flow.json", {**GRAPH, "version": "0.4"})
    usual = json.loads(run("convert", file, "--object-info", info)[1])
    like = json.loads(run("convert", file, "--object-info", info, "--frontend", "1.45.19")[1])
    assert "images" in usual["2"]["inputs"]
    assert "images" not in like["2"]["inputs"]
    code, _, err = run("convert", file, "--object-info", info, "--frontend", "newest")
    assert code == 2
    assert "no frontend version" in err
