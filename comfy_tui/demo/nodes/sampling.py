"""Text to image without a model: a picture made from prompt and seed, in as many steps as asked for."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image, ImageDraw

from .base import Context, NodeType, Pictures, Result, Spec, pictures
from .loading import model

#: Simulated work: seconds per megapixel and step, and bytes per pixel while sampling and decoding.
_STEP_S_PER_MEGAPIXEL = 0.28
_SAMPLE_BYTES_PER_PIXEL = 3000
_DECODE_BYTES_PER_PIXEL = 1400
_PREVIEW_SIDE = 512


@dataclass(frozen=True)
class Conditioning:
    """A CONDITIONING: the words."""

    text: str

    def __str__(self) -> str:
        return f"<demo conditioning {self.text!r}>"


@dataclass(frozen=True)
class Latent:
    """A LATENT: a size, and the text and seed of what was sampled into it."""

    width: int
    height: int
    batch: int = 1
    text: str = ""
    seed: int | None = None
    source: Pictures | None = None

    def __str__(self) -> str:
        return f"<demo latent {self.width}x{self.height} batch {self.batch}>"


def _conditioning(value: Any) -> Conditioning:
    if not isinstance(value, Conditioning):
        raise TypeError(f"expected CONDITIONING, got {type(value).__name__}")
    return value


def _latent(value: Any) -> Latent:
    if not isinstance(value, Latent):
        raise TypeError(f"expected LATENT, got {type(value).__name__}")
    return value


def paint(text: str, seed: int, size: tuple[int, int]) -> Image.Image:
    """A picture that depends on text and seed only: soft shapes, marked as a demo."""
    digest = hashlib.sha256(f"{seed}\0{text}".encode("utf-8", "replace")).digest()
    dice = random.Random(digest)
    base = tuple(dice.randrange(20, 110) for _ in range(3))
    small = Image.new("RGB", (48, 48), base)
    draw = ImageDraw.Draw(small, "RGBA")
    for _ in range(14):
        x, y, r = dice.randrange(48), dice.randrange(48), dice.randrange(4, 20)
        colour = (*(dice.randrange(256) for _ in range(3)), 150)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    picture = small.resize(size, Image.Resampling.BICUBIC)
    words = text.encode("ascii", "replace").decode().strip()[:60]
    ImageDraw.Draw(picture).text((6, max(0, size[1] - 16)), f"demo: {words}", fill=(255, 255, 255))
    return picture


def _noise(size: tuple[int, int], seed: int) -> Image.Image:
    cells = (max(1, size[0] // 8), max(1, size[1] // 8))
    data = random.Random(seed).randbytes(cells[0] * cells[1] * 3)
    return Image.frombytes("RGB", cells, data).resize(size)


def _fit(width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, _PREVIEW_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _sample(ctx: Context, inputs: dict[str, Any], seed: int, first: int, last: int) -> Latent:
    model(inputs["model"], "MODEL")
    _conditioning(inputs["negative"])
    text, latent = _conditioning(inputs["positive"]).text, _latent(inputs["latent_image"])
    pixels = latent.width * latent.height * latent.batch
    steps = max(0, last - first)
    size = _fit(latent.width, latent.height)
    final, noise = paint(text, seed, size), _noise(size, seed)
    with ctx.memory.working(pixels * _SAMPLE_BYTES_PER_PIXEL):
        for step in range(1, steps + 1):
            ctx.sleep(pixels / 1_000_000 * _STEP_S_PER_MEGAPIXEL)
            ctx.bar(step, steps)
            ctx.progress(step, steps, Image.blend(noise, final, step / steps))
    return replace(latent, text=text, seed=seed, source=latent.source if inputs.get("denoise") == 0 else None)


def _ksampler(ctx: Context, inputs: dict[str, Any]) -> Result:
    steps = inputs["steps"]
    return Result((_sample(ctx, inputs, inputs["seed"], 0, steps),))


def _ksampler_advanced(ctx: Context, inputs: dict[str, Any]) -> Result:
    last = min(inputs["end_at_step"], inputs["steps"])
    return Result((_sample(ctx, inputs, inputs["noise_seed"], inputs["start_at_step"], last),))


def _encode(ctx: Context, inputs: dict[str, Any]) -> Result:
    if inputs["clip"] is None:
        raise RuntimeError("ERROR: clip input is invalid: None (demo)")
    model(inputs["clip"], "CLIP")
    ctx.sleep(0.15)
    return Result((Conditioning(inputs["text"]),))


def _empty_latent(ctx: Context, inputs: dict[str, Any]) -> Result:
    return Result((Latent(inputs["width"], inputs["height"], inputs["batch_size"]),))


def _decode(ctx: Context, inputs: dict[str, Any]) -> Result:
    model(inputs["vae"], "VAE")
    latent = _latent(inputs["samples"])
    pixels = latent.width * latent.height
    with ctx.memory.working(pixels * _DECODE_BYTES_PER_PIXEL):
        ctx.sleep(pixels / 1_000_000 * 0.4 * latent.batch)
    if latent.source is not None:
        return Result((latent.source,))
    if latent.seed is None:
        return Result(
            (Pictures((Image.new("RGB", (latent.width, latent.height), (128, 128, 128)),) * latent.batch),)
        )
    size = (latent.width, latent.height)
    return Result((Pictures(tuple(paint(latent.text, latent.seed + n, size) for n in range(latent.batch))),))


def _vae_encode(ctx: Context, inputs: dict[str, Any]) -> Result:
    model(inputs["vae"], "VAE")
    batch = pictures(inputs["pixels"])
    width, height = batch.items[0].size
    return Result((Latent(width, height, len(batch.items), source=batch),))


def _combine(ctx: Context, inputs: dict[str, Any]) -> Result:
    both = [_conditioning(inputs[name]).text for name in ("conditioning_1", "conditioning_2")]
    return Result((Conditioning(", ".join(both)),))


def _zero_out(ctx: Context, inputs: dict[str, Any]) -> Result:
    _conditioning(inputs["conditioning"])
    return Result((Conditioning(""),))


def _guidance(ctx: Context, inputs: dict[str, Any]) -> Result:
    return Result((_conditioning(inputs["conditioning"]),))


_SAMPLER_NAMES = (
    "euler euler_cfg_pp euler_ancestral euler_ancestral_cfg_pp heun heunpp2 exp_heun_2_x0 "
    "exp_heun_2_x0_sde dpm_2 dpm_2_ancestral lms dpm_fast dpm_adaptive dpmpp_2s_ancestral "
    "dpmpp_2s_ancestral_cfg_pp dpmpp_sde dpmpp_sde_gpu dpmpp_2m dpmpp_2m_cfg_pp dpmpp_2m_sde "
    "dpmpp_2m_sde_gpu dpmpp_2m_sde_heun dpmpp_2m_sde_heun_gpu dpmpp_3m_sde dpmpp_3m_sde_gpu ddpm lcm "
    "ipndm ipndm_v deis res_multistep res_multistep_cfg_pp res_multistep_ancestral "
    "res_multistep_ancestral_cfg_pp gradient_estimation gradient_estimation_cfg_pp er_sde seeds_2 "
    "seeds_3 sa_solver sa_solver_pece ddim uni_pc uni_pc_bh2"
)
_SCHEDULER_NAMES = (
    "simple sgm_uniform karras exponential ddim_uniform beta normal linear_quadratic kl_optimal"
)
SAMPLERS, SCHEDULERS = _SAMPLER_NAMES.split(), _SCHEDULER_NAMES.split()
_SIM: dict[str, Any] = {"simulated": True, "description": "Demo: no model runs, the picture is made up."}
_SEED: Spec = ["INT", {"default": 0, "min": 0, "max": 0xFFFFFFFFFFFFFFFF, "control_after_generate": True}]
_STEPS: Spec = ["INT", {"default": 20, "min": 1, "max": 10000}]
_CFG: Spec = ["FLOAT", {"default": 8.0, "min": 0.0, "max": 100.0, "step": 0.1, "round": 0.01}]
_LINKS: dict[str, Spec] = {
    "positive": ["CONDITIONING"],
    "negative": ["CONDITIONING"],
    "latent_image": ["LATENT"],
}


def _step(default: int) -> Spec:
    return ["INT", {"default": default, "min": 0, "max": 10000, "advanced": True}]


def _latent_size(default: int, step: int) -> dict[str, Spec]:
    side: Spec = ["INT", {"default": default, "min": 16, "max": 16384, "step": step}]
    return {"width": side, "height": side, "batch_size": ["INT", {"default": 1, "min": 1, "max": 4096}]}


SAMPLING_NODES = (
    NodeType(
        "CLIPTextEncode",
        "CLIP Text Encode (Prompt)",
        "model/conditioning",
        _encode,
        {
            "text": [
                "STRING",
                {"multiline": True, "dynamicPrompts": True, "tooltip": "The text to be encoded."},
            ],
            "clip": ["CLIP", {"tooltip": "The CLIP model used for encoding the text."}],
        },
        outputs=("CONDITIONING",),
        aliases=("text", "prompt"),
        **_SIM,
    ),
    NodeType(
        "KSampler",
        "KSampler",
        "model/sampling",
        _ksampler,
        {
            "model": ["MODEL", {"tooltip": "The model used for denoising the input latent."}],
            "seed": _SEED,
            "steps": _STEPS,
            "cfg": _CFG,
            "sampler_name": [SAMPLERS, {"tooltip": "The algorithm used when sampling."}],
            "scheduler": [SCHEDULERS, {"tooltip": "How noise is gradually removed to form the image."}],
            **_LINKS,
            "denoise": ["FLOAT", {"default": 1.0, "min": 0.0, "max": 1.0, "step": 0.01}],
        },
        outputs=("LATENT",),
        aliases=("sampler", "txt2img"),
        **_SIM,
    ),
    NodeType(
        "KSamplerAdvanced",
        "KSampler (Advanced)",
        "model/sampling",
        _ksampler_advanced,
        {
            "model": ["MODEL"],
            "add_noise": [["enable", "disable"], {"advanced": True}],
            "noise_seed": _SEED,
            "steps": _STEPS,
            "cfg": _CFG,
            "sampler_name": [SAMPLERS],
            "scheduler": [SCHEDULERS],
            **_LINKS,
            "start_at_step": _step(0),
            "end_at_step": _step(10000),
            "return_with_leftover_noise": [["disable", "enable"], {"advanced": True}],
        },
        outputs=("LATENT",),
        **_SIM,
    ),
    NodeType(
        "EmptyLatentImage",
        "Empty Latent Image",
        "model/latent",
        _empty_latent,
        _latent_size(512, 8),
        outputs=("LATENT",),
        **_SIM,
    ),
    NodeType(
        "EmptySD3LatentImage",
        None,
        "model/latent/stable diffusion",
        _empty_latent,
        _latent_size(1024, 16),
        outputs=("LATENT",),
        module="comfy_extras.nodes_sd3",
        v3=True,
        **_SIM,
    ),
    NodeType(
        "VAEDecode",
        "VAE Decode",
        "model/latent",
        _decode,
        {"samples": ["LATENT", {"tooltip": "The latent to be decoded."}], "vae": ["VAE"]},
        outputs=("IMAGE",),
        **_SIM,
    ),
    NodeType(
        "VAEEncode",
        "VAE Encode",
        "model/latent",
        _vae_encode,
        {"pixels": ["IMAGE"], "vae": ["VAE"]},
        outputs=("LATENT",),
        **_SIM,
    ),
    NodeType(
        "ConditioningCombine",
        "Conditioning (Combine)",
        "model/conditioning/transform",
        _combine,
        {"conditioning_1": ["CONDITIONING"], "conditioning_2": ["CONDITIONING"]},
        outputs=("CONDITIONING",),
        **_SIM,
    ),
    NodeType(
        "ConditioningZeroOut",
        "Conditioning Zero Out",
        "model/conditioning/transform",
        _zero_out,
        {"conditioning": ["CONDITIONING"]},
        outputs=("CONDITIONING",),
        **_SIM,
    ),
    NodeType(
        "FluxGuidance",
        None,
        "model/conditioning/flux",
        _guidance,
        {
            "conditioning": ["CONDITIONING", {}],
            "guidance": ["FLOAT", {"default": 3.5, "min": 0.0, "max": 100.0, "step": 0.1}],
        },
        outputs=("CONDITIONING",),
        module="comfy_extras.nodes_flux",
        v3=True,
        **_SIM,
    ),
)
