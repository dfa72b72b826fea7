"""Loaders. They load nothing but take the time and the (simulated) memory of a model that does not exist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..models import model_size_bytes
from .base import Context, Listing, NodeType, Result, Spec

#: Simulated reading speed of models.
_BYTES_PER_S = 6 * 1024**3


@dataclass(frozen=True)
class Model:
    """A MODEL, CLIP or VAE: a name and what was hung onto it."""

    kind: str
    name: str
    extras: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"<demo {self.kind} {self.name}>"

    def plus(self, extra: str) -> Model:
        """The model with one more patch."""
        return Model(self.kind, self.name, (*self.extras, extra))


def model(value: Any, kind: str) -> Model:
    """The value, if it is a model of the kind; the server does not check that before it runs a node."""
    if not isinstance(value, Model) or value.kind != kind:
        raise TypeError(f"expected {kind}, got {type(value).__name__}")
    return value


def load(ctx: Context, folder: str, name: str) -> None:
    """Take the memory of a model, and the time if it was not there."""
    size = model_size_bytes(folder, name)
    if ctx.memory.load(f"{folder}/{name}", size):
        ctx.sleep(size / _BYTES_PER_S)


def _checkpoint(ctx: Context, inputs: dict[str, Any]) -> Result:
    name = inputs["ckpt_name"]
    load(ctx, "checkpoints", name)
    return Result((Model("MODEL", name), Model("CLIP", name), Model("VAE", name)))


def _unet(ctx: Context, inputs: dict[str, Any]) -> Result:
    load(ctx, "diffusion_models", inputs["unet_name"])
    return Result((Model("MODEL", inputs["unet_name"]),))


def _clip(ctx: Context, inputs: dict[str, Any]) -> Result:
    load(ctx, "text_encoders", inputs["clip_name"])
    return Result((Model("CLIP", inputs["clip_name"]),))


def _dual_clip(ctx: Context, inputs: dict[str, Any]) -> Result:
    for name in (inputs["clip_name1"], inputs["clip_name2"]):
        load(ctx, "text_encoders", name)
    return Result((Model("CLIP", f"{inputs['clip_name1']}+{inputs['clip_name2']}"),))


def _vae(ctx: Context, inputs: dict[str, Any]) -> Result:
    if inputs["vae_name"] != "pixel_space":
        load(ctx, "vae", inputs["vae_name"])
    return Result((Model("VAE", inputs["vae_name"]),))


def _lora(ctx: Context, inputs: dict[str, Any]) -> Result:
    load(ctx, "loras", inputs["lora_name"])
    base, clip = model(inputs["model"], "MODEL"), model(inputs["clip"], "CLIP")
    extra = f"{inputs['lora_name']}:{inputs['strength_model']}"
    return Result((base.plus(extra), clip.plus(extra)))


def _lora_model(ctx: Context, inputs: dict[str, Any]) -> Result:
    load(ctx, "loras", inputs["lora_name"])
    base = model(inputs["model"], "MODEL")
    return Result((base.plus(f"{inputs['lora_name']}:{inputs['strength_model']}"),))


def _upscale_model(ctx: Context, inputs: dict[str, Any]) -> Result:
    load(ctx, "upscale_models", inputs["model_name"])
    return Result((Model("UPSCALE_MODEL", inputs["model_name"]),))


def _shift(ctx: Context, inputs: dict[str, Any]) -> Result:
    return Result((model(inputs["model"], "MODEL").plus(f"shift:{inputs['shift']}"),))


def _clip_skip(ctx: Context, inputs: dict[str, Any]) -> Result:
    return Result((model(inputs["clip"], "CLIP").plus(f"skip:{inputs['stop_at_clip_layer']}"),))


_CLIP_NAMES = (
    "stable_diffusion stable_cascade sd3 stable_audio mochi ltxv pixart cosmos lumina2 wan hidream "
    "chroma ace omnigen2 qwen_image hunyuan_image flux2 ovis longcat_image cogvideox lens pixeldit "
    "ideogram4 boogu krea2"
)
_DUAL_NAMES = (
    "sdxl sd3 flux hunyuan_video hidream hunyuan_image hunyuan_video_15 kandinsky5 kandinsky5_image "
    "ltxv newbie ace"
)
_CLIP_TYPES, _DUAL_TYPES = _CLIP_NAMES.split(), _DUAL_NAMES.split()
_DEVICE: dict[str, Spec] = {"device": [["default", "cpu"], {"advanced": True}]}
_SIM: dict[str, Any] = {
    "simulated": True,
    "description": "Demo: nothing is loaded, only time and memory are simulated.",
}


def _strength(tooltip: str = "") -> Spec:
    options: dict[str, Any] = {"default": 1.0, "min": -100.0, "max": 100.0, "step": 0.01}
    return ["FLOAT", {**options, "tooltip": tooltip} if tooltip else options]


def _node(
    name: str, display: str, run: Any, required: dict[str, Spec], *outputs: str, **more: Any
) -> NodeType:
    return NodeType(name, display, "model/loaders", run, required, outputs=outputs, **{**_SIM, **more})


LOADING_NODES = (
    _node(
        "CheckpointLoaderSimple",
        "Load Checkpoint",
        _checkpoint,
        {"ckpt_name": [Listing("checkpoints"), {"tooltip": "The name of the checkpoint (model) to load."}]},
        "MODEL",
        "CLIP",
        "VAE",
        aliases=("load model", "checkpoint"),
    ),
    _node(
        "UNETLoader",
        "Load Diffusion Model",
        _unet,
        {
            "unet_name": [Listing("diffusion_models")],
            "weight_dtype": [
                ["default", "fp8_e4m3fn", "fp8_e4m3fn_fast", "fp8_e5m2"],
                {"advanced": True},
            ],
        },
        "MODEL",
    ),
    _node(
        "CLIPLoader",
        "Load CLIP",
        _clip,
        {"clip_name": [Listing("text_encoders")], "type": [_CLIP_TYPES]},
        "CLIP",
        optional=_DEVICE,
    ),
    _node(
        "DualCLIPLoader",
        "Load CLIP (Dual)",
        _dual_clip,
        {
            "clip_name1": [Listing("text_encoders")],
            "clip_name2": [Listing("text_encoders")],
            "type": [_DUAL_TYPES],
        },
        "CLIP",
        optional=_DEVICE,
    ),
    _node("VAELoader", "Load VAE", _vae, {"vae_name": [Listing("vae", ("pixel_space",))]}, "VAE"),
    _node(
        "LoraLoader",
        "Load LoRA (Model and CLIP)",
        _lora,
        {
            "model": ["MODEL", {"tooltip": "The diffusion model the LoRA will be applied to."}],
            "clip": ["CLIP", {"tooltip": "The CLIP model the LoRA will be applied to."}],
            "lora_name": [Listing("loras"), {"tooltip": "The name of the LoRA."}],
            "strength_model": _strength("How strongly to modify the diffusion model."),
            "strength_clip": _strength("How strongly to modify the CLIP model."),
        },
        "MODEL",
        "CLIP",
        aliases=("lora", "load lora"),
    ),
    _node(
        "LoraLoaderModelOnly",
        "Load LoRA",
        _lora_model,
        {"model": ["MODEL"], "lora_name": [Listing("loras")], "strength_model": _strength()},
        "MODEL",
    ),
    _node(
        "UpscaleModelLoader",
        "Load Upscale Model",
        _upscale_model,
        {"model_name": ["COMBO", {"multiselect": False, "options": Listing("upscale_models")}]},
        "UPSCALE_MODEL",
        v3=True,
        module="comfy_extras.nodes_upscale_model",
    ),
    NodeType(
        "ModelSamplingSD3",
        "ModelSamplingSD3",
        "model/patch/stable diffusion",
        _shift,
        {"model": ["MODEL"], "shift": ["FLOAT", {"default": 3.0, "min": 0.0, "max": 100.0, "step": 0.01}]},
        outputs=("MODEL",),
        module="comfy_extras.nodes_model_advanced",
        **_SIM,
    ),
    NodeType(
        "CLIPSetLastLayer",
        "CLIP Set Last Layer",
        "model/conditioning",
        _clip_skip,
        {
            "clip": ["CLIP"],
            "stop_at_clip_layer": [
                "INT",
                {"default": -1, "min": -24, "max": -1, "step": 1, "advanced": True},
            ],
        },
        outputs=("CLIP",),
        **_SIM,
    ),
)
