"""What made an output, traced through the links of its prompt."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfy_tui.workflow.parameters import SeedMode, summarize, with_seed
from comfy_tui.workflow.provenance import provenance
from comfy_tui.workflow.value_diff import MISSING, THERE, differences


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def plain() -> dict[str, Any]:
    """A picture by one KSampler, a LoRA before it, values by primitives."""
    return {
        "1": node("CheckpointLoaderSimple", ckpt_name="base.safetensors"),
        "2": node(
            "LoraLoader",
            model=["1", 0],
            clip=["1", 1],
            lora_name="style.safetensors",
            strength_model=0.8,
            strength_clip=0.5,
        ),
        "3": node("CLIPTextEncode", clip=["2", 1], text=["12", 0]),
        "4": node("CLIPTextEncode", clip=["2", 1], text="ugly"),
        "5": node("EmptyLatentImage", width=["13", 0], height=640, batch_size=2),
        "6": node(
            "KSampler",
            model=["2", 0],
            positive=["3", 0],
            negative=["4", 0],
            latent_image=["5", 0],
            seed=["14", 0],
            steps=20,
            cfg=7.5,
            sampler_name="euler",
            scheduler="karras",
            denoise=1.0,
        ),
        "7": node("VAEDecode", samples=["6", 0], vae=["1", 2]),
        "8": node("SaveImage", images=["7", 0], filename_prefix="x"),
        "12": node("StringConcatenate", string_a="a fox", string_b=["15", 0], delimiter=", "),
        "13": node("PrimitiveInt", value=512),
        "14": node("PrimitiveInt", value=77),
        "15": node("PrimitiveStringMultiline", value="in snow"),
        "90": node("KSampler", model=["1", 0], seed=1, steps=99, latent_image=["5", 0], positive=["91", 0]),
        "91": node("CLIPTextEncode", clip=["1", 1], text="of another output"),
        "92": node("PreviewImage", images=["90", 0]),
    }


def test_a_ksampler_with_values_that_are_links() -> None:
    made = provenance(plain(), "8")
    assert [text.value for text in made.positive] == ["a fox", "in snow"]
    assert [text.value for text in made.negative] == ["ugly"]
    (sampling,) = made.samplings
    assert sampling.seed is not None
    assert (sampling.seed.value, sampling.seed.key) == (77, ("14", "value"))
    assert sampling.steps is not None
    assert sampling.cfg is not None
    assert sampling.sampler is not None
    assert sampling.scheduler is not None
    assert (sampling.steps.value, sampling.cfg.value) == (20, 7.5)
    assert (sampling.sampler.value, sampling.scheduler.value) == ("euler", "karras")
    assert made.size is not None
    assert [side.value for side in made.size] == [512, 640]
    assert made.batch is not None
    assert made.batch.value == 2
    assert [model.name for model in made.models] == ["base.safetensors"]
    (lora,) = made.loras
    assert (lora.name, lora.strength_model, lora.strength_clip) == ("style.safetensors", 0.8, 0.5)
    assert made.of_node
    assert made.output_class == "SaveImage"


def test_only_what_leads_to_this_output() -> None:
    made = provenance(plain(), "92")
    assert [text.value for text in made.positive] == ["of another output"]
    assert [sampling.steps.value for sampling in made.samplings if sampling.steps] == [99]
    assert not made.loras


def test_a_chain_of_custom_samplers() -> None:
    prompt = {
        "1": node("UNETLoader", unet_name="flux.safetensors"),
        "2": node("CLIPTextEncode", clip=["1", 0], text="a boat"),
        "3": node("FluxGuidance", conditioning=["2", 0], guidance=3.5),
        "4": node("BasicGuider", model=["1", 0], conditioning=["3", 0]),
        "5": node("RandomNoise", noise_seed=42),
        "6": node("KSamplerSelect", sampler_name="dpmpp_2m"),
        "7": node("BasicScheduler", model=["1", 0], scheduler="simple", steps=28, denoise=0.9),
        "8": node("SplitSigmas", sigmas=["7", 0], step=10),
        "9": node("EmptySD3LatentImage", width=1024, height=768, batch_size=1),
        "10": node(
            "SamplerCustomAdvanced",
            noise=["5", 0],
            guider=["4", 0],
            sampler=["6", 0],
            sigmas=["8", 0],
            latent_image=["9", 0],
        ),
        "11": node(
            "SamplerCustom",
            model=["1", 0],
            add_noise=True,
            noise_seed=43,
            cfg=2.0,
            positive=["3", 0],
            negative=["13", 0],
            sampler=["14", 0],
            sigmas=["8", 1],
            latent_image=["10", 0],
        ),
        "13": node("ConditioningZeroOut", conditioning=["2", 0]),
        "14": node("SamplerEulerAncestral", eta=1.0, s_noise=1.0),
        "12": node("SaveImage", images=["11", 0]),
    }
    made = provenance(prompt, "12")
    first, second = made.samplings
    assert [text.value for text in made.positive] == ["a boat"]
    assert made.negative == ()
    assert made.negative_zeroed
    told = [
        getattr(first, name).value
        for name in ("seed", "steps", "sampler", "scheduler", "denoise", "guidance")
    ]
    assert told == [42, 28, "dpmpp_2m", "simple", 0.9, 3.5]
    assert first.cfg is None
    assert second.seed is not None
    assert second.sampler is not None
    assert (second.seed.value, second.sampler.value) == (43, "SamplerEulerAncestral")
    assert made.size is not None
    assert made.size[0].value == 1024
    assert made.seed is not None
    assert made.seed.value == 43


def test_positive_and_negative_through_a_node_that_passes_on_both() -> None:
    prompt = {
        "1": node("CLIPTextEncode", text="good"),
        "2": node("CLIPTextEncode", text="bad"),
        "3": node("ControlNetApplyAdvanced", positive=["1", 0], negative=["2", 0], strength=0.5),
        "4": node("KSampler", positive=["3", 0], negative=["3", 1], latent_image=["5", 0], seed=1, steps=2),
        "5": node("EmptyLatentImage", width=8, height=8),
    }
    made = provenance(prompt, "4")
    assert [text.value for text in made.positive] == ["good"]
    assert [text.value for text in made.negative] == ["bad"]


def test_what_is_computed_is_not_made_up() -> None:
    prompt = plain() | {"14": node("RandomInt", max=100), "13": node("IntMath", a=["14", 0], b=2)}
    made = provenance(prompt, "8")
    assert made.seed is not None
    assert made.seed.computed
    assert made.seed.value == "computed by RandomInt"
    assert made.size is not None
    assert made.size[0].computed


def test_the_other_ways_to_write_a_lora() -> None:
    prompt = {
        "1": {
            "class_type": "Power Lora Loader (rgthree)",
            "inputs": {
                "lora_1": {"on": True, "lora": "a.safetensors", "strength": 0.7, "strengthTwo": 0.2},
                "lora_2": {"on": False, "lora": "off.safetensors", "strength": 1},
            },
        },
        "2": node(
            "CR LoRA Stack",
            switch_1="On",
            lora_name_1="b.safetensors",
            model_weight_1=0.6,
            clip_weight_1=0.4,
            switch_2="Off",
            lora_name_2="c.safetensors",
            model_weight_2=1.0,
        ),
        "3": node("LoraLoaderModelOnly", lora_name="d.safetensors", strength_model=["9", 0]),
        "9": node("PrimitiveFloat", value=0.25),
        "4": node("LoraLoader", lora_name="None", strength_model=1.0),
    }
    found = [(lora.name, lora.strength_model, lora.strength_clip) for lora in provenance(prompt).loras]
    assert found == [
        ("a.safetensors", 0.7, 0.2),
        ("b.safetensors", 0.6, 0.4),
        ("d.safetensors", 0.25, None),
    ]


def test_a_seed_that_is_a_link_is_known_and_can_be_new() -> None:
    assert summarize(plain()).seed == 77
    prompt = plain()
    for key in ("90", "91", "92"):
        del prompt[key]
    summary = summarize(prompt)
    assert (summary.positive, summary.size) == ("a fox\nin snow", (512, 640))
    changed = with_seed(plain(), SeedMode.RANDOM, 0)
    assert changed["14"]["inputs"]["value"] != 77
    assert changed["6"]["inputs"]["seed"] == ["14", 0]
    assert changed["13"] == plain()["13"]


def test_a_cycle_ends() -> None:
    prompt = {
        "1": node("A", text=["2", 0], seed=["2", 0], positive=["2", 0], latent_image=["1", 0]),
        "2": node("Reroute", any=["1", 0]),
    }
    assert provenance(prompt, "1").node_count == 2


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["x.safetensors", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
_NAMES = st.sampled_from(
    ["seed", "noise", "positive", "negative", "text", "lora_1", "model", "guider", "width", "sigmas", "value"]
)
_LINKS = st.tuples(st.sampled_from("1234"), st.integers(0, 2)).map(list)
_NODES = st.fixed_dictionaries(
    {
        "class_type": st.sampled_from(["KSampler", "LoraLoader", "PrimitiveInt", "Reroute", "X"]),
        "inputs": st.dictionaries(_NAMES, _VALUES | _LINKS, max_size=6),
    }
)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.sampled_from("1234"), _NODES | _VALUES, max_size=4), st.sampled_from("15"))
def test_never_fails(prompt: dict[str, Any], node_id: str) -> None:
    provenance(prompt, node_id)
    summarize(prompt)
    assert differences(prompt, prompt)[0] == ()


def test_differences() -> None:
    other = plain()
    other["14"]["inputs"]["value"] = 78
    other["4"]["inputs"]["text"] = "blurry"
    del other["92"]
    other["30"] = other.pop("13")
    other["5"]["inputs"]["width"] = ["30", 0]
    found, same = differences(plain(), other)
    told = {(item.node_id, item.input): (item.first, item.second) for item in found}
    assert told[("14", "value")] == (77, 78)
    assert told[("4", "text")] == ("ugly", "blurry")
    assert told[("92", "")] == (THERE, MISSING)
    assert ("13", "value") not in told
    assert same > 30


@pytest.mark.parametrize("value", [0, 0.0, False])
def test_values_of_other_kinds_differ(value: object) -> None:
    found, _ = differences({"1": node("A", x=0)}, {"1": node("A", x=value)})
    assert bool(found) is (type(value) is not int)
