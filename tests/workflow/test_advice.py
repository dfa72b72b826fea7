"""Advice about nodes and versions: the order of the sources."""

from __future__ import annotations

import json

import pytest
from advice_cases import (
    MAP,
    OBJECT_INFO,
    RECORDINGS,
    editor,
    everything,
    missing,
    node,
    only,
    prompt_of,
    unlisted,
)

from comfy_tui.workflow.advice import (
    AdviceKind,
    InstalledPack,
    Knowledge,
    Near,
    Origin,
    Pack,
    Package,
    PackMap,
    RegistryPack,
    Replacement,
    advise,
    as_script,
    replace_nodes,
)
from comfy_tui.workflow.advice.replacement import read_replacements
from comfy_tui.workflow.diagnostic import Diagnostic, Severity

# -- nodes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "origin"),
    [
        ("Old", AdviceKind.REPLACE_NODE, Origin.SERVER),
        ("Gone", AdviceKind.FIND_NODE, Origin.NOBODY),
        ("TemplateNode", AdviceKind.UPDATE_COMFYUI, Origin.CATALOGUE),
        ("NewCore", AdviceKind.UPDATE_COMFYUI, Origin.MANAGER),
        ("SetBlocks", AdviceKind.INSTALL_PACK, Origin.MANAGER),
        ("MaskRect", AdviceKind.INSTALL_PACK, Origin.MANAGER),
        ("OnlyCached", AdviceKind.INSTALL_PACK, Origin.CACHED_MAP),
        ("OnlyRegistry", AdviceKind.INSTALL_PACK, Origin.REGISTRY),
        ("Nobody", AdviceKind.FIND_NODE, Origin.NOBODY),
    ],
)
def test_the_first_source_that_knows_counts(name: str, kind: AdviceKind, origin: Origin) -> None:
    advice = only(advise([missing(name, "7")], knowledge=everything()))
    assert (advice.kind, advice.origin, advice.nodes) == (kind, origin, ("7",))
    assert advice.severity is Severity.ERROR
    assert name in advice.message


def test_a_replacement_names_the_class() -> None:
    assert only(advise([missing("Old")], knowledge=everything())).replacement == "ControlNetLoader"


def test_newer_core_nodes_are_one_update_with_the_newest_version() -> None:
    workflow = editor(
        node("Brand", cnr_id="comfy-core", ver="0.40.1"), node("Brand", cnr_id="comfy-core", ver="x")
    )
    advice = only(
        advise([missing("TemplateNode"), missing("Brand", "2")], workflow=workflow, knowledge=everything())
    )
    assert (advice.has, advice.needs) == ("0.26.0", "0.40.1")
    assert advice.classes == ("TemplateNode", "Brand")
    assert advice.nodes == ("1", "2")
    assert advice.commands[0] == "comfy update comfy"


def test_the_least_version_above_the_servers_is_needed() -> None:
    assert only(advise([missing("TemplateNode")], knowledge=everything())).needs == "0.33.0"
    old = only(advise([missing("TemplateNode")], knowledge=everything(version="0.3.64")))
    assert (old.has, old.needs) == ("0.3.64", "0.20.0")


def test_a_core_node_that_should_be_there_is_not_blamed_on_the_version() -> None:
    advice = only(advise([missing("Lost")], knowledge=everything()))
    assert advice.needs is None
    assert "failed to load" in advice.message


def test_the_workflow_names_the_pack() -> None:
    workflow = editor(node("MaskRect", cnr_id="named-pack", ver="1.2.3"))
    advice = only(advise([missing("MaskRect")], workflow=workflow, knowledge=everything()))
    assert advice.origin is Origin.WORKFLOW
    assert advice.pack == Pack("named-pack")
    assert advice.needs == "1.2.3"
    assert advice.commands == ("comfy node install named-pack",)
    assert advice.link == "https://registry.comfy.org/nodes/named-pack"


def test_the_workflow_names_it_in_a_subgraph_a_group_or_the_prompt() -> None:
    inner = {"definitions": {"subgraphs": [{"id": "s", "nodes": [node("A", cnr_id="pa")]}]}}
    group = {"extra": {"groupNodes": {"g": {"nodes": [node("B", cnr_id="pb")]}}}}
    prompt = {"1": {"class_type": "C", "inputs": {}, "_meta": {"cnr_id": "pc"}}}
    found = advise(
        [missing("A"), missing("B"), missing("C")], workflow=editor(**inner, **group), prompt=prompt
    )
    assert [advice.what for advice in found] == ["pa", "pb", "pc"]


def test_a_repository_that_only_the_workflow_names_is_doubted() -> None:
    workflow = editor(node("Thing", aux_id="some-one/thing"))
    advice = only(advise([missing("Thing")], workflow=workflow, knowledge=everything()))
    assert advice.commands == ("comfy node install https://github.com/some-one/thing",)
    assert "only the workflow" in advice.doubt
    assert "\ncomfy node install" not in as_script([advice])


def test_a_repository_that_a_map_knows_too_is_not_doubted() -> None:
    workflow = editor(node("SetBlocks", aux_id="kijai/ComfyUI-KJNodes"))
    advice = only(advise([missing("SetBlocks")], workflow=workflow, knowledge=everything()))
    assert advice.origin is Origin.WORKFLOW
    assert not advice.doubt


def test_the_classes_of_one_pack_are_one_advice() -> None:
    advice = only(advise([missing("SetBlocks", "1"), missing("GetImageSize+", "2")], knowledge=everything()))
    assert advice.classes == ("SetBlocks", "GetImageSize+")
    assert advice.commands == ("comfy node install https://github.com/kijai/ComfyUI-KJNodes",)


def test_a_claim_settles_and_so_does_an_anchored_pattern() -> None:
    claimed = only(advise([missing("SAMLoader")], knowledge=everything()))
    assert (claimed.what, claimed.others, claimed.doubt) == ("comfyui-impact-pack", (), "")
    named = only(advise([missing("Seed (rgthree)")], knowledge=everything()))
    assert (named.what, named.doubt) == ("rgthree-comfy", "")
    assert named.others == (Pack("a-fork"),)


def test_bare_and_clever_patterns_are_not_used() -> None:
    known = PackMap.read(MAP)
    assert [affix.key for affix in known.affixes] == ["rgthree-comfy"]
    assert known.find("HunyuanThing") == ()


def test_two_owners_are_a_doubt_until_another_class_decides() -> None:
    unsure = only(advise([missing("MaskRect")], knowledge=everything()))
    assert "fork-of-impact" in unsure.doubt
    found = advise([missing("MaskRect"), missing("Common", "2")], knowledge=everything())
    assert found[0].what == "fork-of-impact"


def test_hostile_keys_of_a_map_are_left_out() -> None:
    known = PackMap.read(MAP)
    assert known.find("Evil") == ()
    assert known.core == {"KSampler", "NewCore"}
    assert not PackMap.read({"a": [], "b": [1], 3: [[]]}).owners
    assert not PackMap.read(None)


@pytest.mark.parametrize(
    ("there", "words"),
    [
        (InstalledPack("ComfyUI-KJNodes"), "failed to load"),
        (InstalledPack("kj", repository="https://github.com/kijai/comfyui-kjnodes.git"), "failed to load"),
        (InstalledPack("ComfyUI-KJNodes", enabled=False), "disabled"),
    ],
)
def test_a_pack_that_is_there_without_the_node(there: InstalledPack, words: str) -> None:
    advice = only(advise([missing("SetBlocks")], knowledge=everything(installed=(there,))))
    assert advice.kind is AdviceKind.UPDATE_PACK
    assert words in advice.message


def test_a_pack_that_is_older_than_the_workflow() -> None:
    workflow = editor(node("MaskRect", cnr_id="named-pack", ver="1.10.0"))
    known = everything(installed=(InstalledPack("named-pack", version="1.9.0"),))
    advice = only(advise([missing("MaskRect")], workflow=workflow, knowledge=known))
    assert (advice.kind, advice.has, advice.needs) == (AdviceKind.UPDATE_PACK, "1.9.0", "1.10.0")
    assert advice.commands == ("comfy node update named-pack",)


def test_the_old_servers_code_counts_for_classes_only() -> None:
    found = [
        Diagnostic(Severity.ERROR, "invalid_prompt", "", node_id="1", class_type="SetBlocks"),
        Diagnostic(Severity.ERROR, "invalid_prompt", "", node_id="2", class_type="KSampler"),
        Diagnostic(Severity.ERROR, "invalid_prompt", ""),
    ]
    assert only(advise(found, knowledge=everything())).nodes == ("1",)


def test_a_banned_pack_is_not_advised() -> None:
    known = Knowledge(registry={"A": (RegistryPack(Pack("bad"), active=False),)})
    assert only(advise([missing("A")], knowledge=known)).kind is AdviceKind.FIND_NODE


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("MarkdownNote", "node of the browser"),
        ("SetNode", "node of the browser"),
        ("12345678-1234-1234-1234-1234567890ab", "subgraph"),
        ("workflow>mine", "group"),
    ],
)
def test_names_that_no_pack_has(name: str, words: str) -> None:
    known = everything(manager_map=PackMap.read({"pack": [[name], {}]}))
    advice = only(advise([missing(name)], knowledge=known))
    assert words in advice.message
    assert (advice.kind, advice.link) == (AdviceKind.FIND_NODE, None)


# -- replacing ---------------------------------------------------------------------------------------------


def test_replacements_keep_inputs_where_no_mapping_is_given() -> None:
    answer = {
        "Old": [{"new_node_id": "New", "input_mapping": None, "output_mapping": None}],
        "Scale": [
            {
                "new_node_id": "Resize",
                "input_mapping": [
                    {"new_id": "input", "old_id": "image"},
                    {"new_id": "resize.type", "set_value": "by"},
                    {"new_id": "lost", "old_id": "absent"},
                ],
                "output_mapping": [{"new_idx": 2, "old_idx": 0}],
            }
        ],
        "Bad": [3],
        "Worse": "x",
    }
    prompt = {
        "1": {"class_type": "Old", "inputs": {"a": 1}, "_meta": {"title": "t"}},
        "2": {"class_type": "Scale", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "Keep", "inputs": {"x": ["2", 0], "y": ["1", 0]}},
        "4": {"class_type": "Bad"},
    }
    before = json.dumps(prompt)
    made, done = replace_nodes(prompt, read_replacements(answer), {"New", "Resize", "Keep"})
    assert done == {"1": "New", "2": "Resize"}
    assert made["1"] == {"class_type": "New", "inputs": {"a": 1}, "_meta": {"title": "t"}}
    assert made["2"]["inputs"] == {"input": ["1", 0], "resize.type": "by"}
    assert made["3"]["inputs"] == {"x": ["2", 2], "y": ["1", 0]}
    assert made["4"] is prompt["4"]
    assert json.dumps(prompt) == before


def test_classes_that_are_there_are_not_replaced() -> None:
    prompt = {"1": {"class_type": "Old", "inputs": {}}}
    known = {"Old": Replacement("New")}
    assert replace_nodes(prompt, known, {"Old", "New"})[1] == {}
    assert replace_nodes(prompt, known, set())[1] == {}


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="no recordings of real servers here")
def test_the_replacements_of_a_real_server() -> None:
    found = read_replacements(json.loads((RECORDINGS / "node_replacements_0.26.0.json").read_text()))
    assert len(found) == 8
    assert found["T2IAdapterLoader"].new_class == "ControlNetLoader"
    assert found["T2IAdapterLoader"].inputs == (("control_net_name", "t2i_adapter_name", None),)
    assert found["Load3DAnimation"].inputs is None


# -- files, choices, packages ------------------------------------------------------------------------------


def test_a_missing_picture_is_uploaded() -> None:
    found = Diagnostic(
        Severity.ERROR,
        "custom_validation_failed",
        "",
        node_id="1",
        class_type="LoadImage",
        input="image",
        suggestions=("cats.png",),
    )
    advice = only(advise([found], prompt=prompt_of("LoadImage", image="cat.png")))
    assert (advice.kind, advice.what, advice.file_name) == (AdviceKind.UPLOAD_FILE, "cat.png", "cat.png")
    assert advice.near == (Near("input", "cats.png"),)


def test_a_choice_that_the_server_does_not_know_yet() -> None:
    workflow = editor(node("KSampler", cnr_id="comfy-core", ver="0.30.0"))
    prompt = prompt_of("KSampler", sampler_name="euler_x")
    known = Knowledge(version="0.26.0", object_info=OBJECT_INFO)
    finding = unlisted("KSampler", "sampler_name")
    advice = only(advise([finding], prompt=prompt, workflow=workflow, knowledge=known))
    assert (advice.kind, advice.severity, advice.needs) == (
        AdviceKind.UPDATE_COMFYUI,
        Severity.WARNING,
        "0.30.0",
    )
    newer = Knowledge(version="0.30.0", object_info=OBJECT_INFO)
    assert advise([finding], prompt=prompt, workflow=workflow, knowledge=newer) == ()


def test_versions_alone_are_never_flagged() -> None:
    workflow = editor(node("KSampler", cnr_id="comfy-core", ver="9.0.0"), node("X", cnr_id="p", ver="9.0.0"))
    known = everything(installed=(InstalledPack("p", version="1.0.0"),))
    assert advise([], prompt={}, workflow=workflow, knowledge=known) == ()


def test_packages_older_than_asked_for() -> None:
    packages = (
        Package("comfyui-frontend-package", "1.45.1", "1.45.19"),
        Package("newer", "2.0", "1.0"),
        Package("unknown", None, "1.0"),
    )
    advice = only(advise([], knowledge=Knowledge(packages=packages)))
    assert (advice.kind, advice.has, advice.needs) == (AdviceKind.UPDATE_PACKAGE, "1.45.1", "1.45.19")
