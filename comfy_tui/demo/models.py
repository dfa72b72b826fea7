"""Models that the demo server pretends to have: plausible names, sizes, no files."""

from __future__ import annotations

_MIB = 1024**2

#: Folder -> name -> size in MiB.
MODELS: dict[str, dict[str, int]] = {
    "checkpoints": {
        "demo_sd15.safetensors": 2034,
        "demo_xl.safetensors": 6617,
        "styles/demo_anime_xl.safetensors": 6617,
    },
    "configs": {},
    "loras": {"demo_detail.safetensors": 218, "styles/demo_watercolour.safetensors": 143},
    "vae": {"demo_ae.safetensors": 319, "demo_vae_ft_mse.safetensors": 319},
    "text_encoders": {
        "demo_clip_g.safetensors": 1325,
        "demo_clip_l.safetensors": 235,
        "demo_t5xxl_fp8.safetensors": 4667,
    },
    "diffusion_models": {"demo_flux_fp8.safetensors": 11350, "demo_wan_14b_fp8.safetensors": 13630},
    "clip_vision": {"demo_clip_vision_h.safetensors": 2411},
    "style_models": {},
    "embeddings": {"demo_bad_hands.pt": 1, "demo_negative.safetensors": 1},
    "diffusers": {},
    "vae_approx": {"demo_taesd_decoder.pth": 5},
    "controlnet": {"demo_canny_xl.safetensors": 2386},
    "gligen": {},
    "upscale_models": {"demo_4x.pth": 64},
    "latent_upscale_models": {},
    "custom_nodes": {},
    "hypernetworks": {},
    "photomaker": {},
    "classifiers": {},
    "model_patches": {},
    "audio_encoders": {},
    "background_removal": {},
    "frame_interpolation": {},
    "geometry_estimation": {},
    "optical_flow": {},
    "detection": {},
}
_NEW_FOLDERS = {
    "latent_upscale_models",
    "background_removal",
    "frame_interpolation",
    "geometry_estimation",
    "optical_flow",
    "detection",
}


def folder_names(*, legacy: bool) -> list[str]:
    """The model folders that the version knows, in its order."""
    return [name for name in MODELS if not (legacy and name in _NEW_FOLDERS)]


def model_size_bytes(folder: str, name: str) -> int:
    """How large the model would be; a name with decoration (hostile mode) counts as its plain form."""
    sizes = MODELS.get(folder, {})
    for known, size in sizes.items():
        if name.startswith(known):
            return size * _MIB
    return 256 * _MIB


def metadata(folder: str, name: str) -> dict[str, str] | None:
    """What the header of a LoRA would say; other models have none."""
    if folder != "loras" or model_size_bytes(folder, name) == 256 * _MIB:
        return None
    return {
        "ss_base_model_version": "sdxl_base_v1-0",
        "ss_network_dim": "32",
        "ss_tag_frequency": '{"demo": {"demo style": 12, "nothing is loaded": 3}}',
        "modelspec.title": "A LoRA that does not exist (demo)",
    }
