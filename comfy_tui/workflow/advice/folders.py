"""Which model folder an input of a loader chooses from (manager-and-models, section 4.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from comfy_tui.workflow.checking.declared import spec_of

_BY_INPUT = {
    "ckpt_name": "checkpoints",
    "config_name": "configs",
    "unet_name": "diffusion_models",
    "clip_name1": "text_encoders",
    "clip_name2": "text_encoders",
    "clip_name3": "text_encoders",
    "clip_name4": "text_encoders",
    "text_encoder": "text_encoders",
    "vae_name": "vae",
    "lora_name": "loras",
    "existing_lora": "loras",
    "control_net_name": "controlnet",
    "style_model_name": "style_models",
    "gligen_name": "gligen",
    "hypernetwork_name": "hypernetworks",
    "photomaker_model_name": "photomaker",
    "audio_encoder_name": "audio_encoders",
    "bg_removal_name": "background_removal",
}
# Inputs whose name says nothing: the class decides.
_BY_CLASS = {
    ("CLIPLoader", "clip_name"): "text_encoders",
    ("CLIPVisionLoader", "clip_name"): "clip_vision",
    ("ModelPatchLoader", "name"): "model_patches",
    ("UpscaleModelLoader", "model_name"): "upscale_models",
    ("LatentUpscaleModelLoader", "model_name"): "latent_upscale_models",
    ("FrameInterpolationModelLoader", "model_name"): "frame_interpolation",
    ("OpticalFlowLoader", "model_name"): "optical_flow",
    ("LoadMoGeModel", "model_name"): "geometry_estimation",
    ("LoadDA3Model", "model_name"): "geometry_estimation",
    ("LoadMediaPipeFaceLandmarker", "model_name"): "detection",
    ("DiffusersLoader", "model_path"): "diffusers",
    # Loaders of common packs, as the browser knows them.
    ("IPAdapterModelLoader", "ipadapter_file"): "ipadapter",
    ("SAMLoader", "model_name"): "sams",
    ("UltralyticsDetectorProvider", "model_name"): "ultralytics",
    ("ADE_LoadAnimateDiffModel", "model_name"): "animatediff_models",
    ("UnetLoaderGGUF", "unet_name"): "diffusion_models",
    ("CLIPLoaderGGUF", "clip_name"): "text_encoders",
}
_OLD_NAMES = {"unet": "diffusion_models", "clip": "text_encoders", "t2i_adapter": "controlnet"}


def current_name(folder: str) -> str:
    """A folder by the name that it has now: ``unet`` and ``clip`` are old names of others."""
    first, slash, rest = folder.partition("/")
    return _OLD_NAMES.get(first, first) + slash + rest


def folder_of(
    class_type: str | None,
    input_name: str | None,
    object_info: Mapping[str, Any] | None,
    models: Mapping[str, Sequence[str]],
) -> str | None:
    """The folder of an input: by its class, else by comparing its choices with the server's folders.

    Where several folders fit, or none, the name of the input decides if it means one folder only.
    """
    if class_type is None or input_name is None:
        return None
    known = _BY_CLASS.get((class_type, input_name))
    if known is not None:
        return known
    choices = _choices(class_type, input_name, object_info)
    if choices:
        fitting = [folder for folder, names in models.items() if choices <= set(names)]
        exact = [folder for folder in fitting if len(choices) == len(models[folder])]
        for found in (exact, fitting):
            if len(found) == 1:
                return current_name(found[0])
    return _BY_INPUT.get(input_name)


def _choices(class_type: str, input_name: str, object_info: Mapping[str, Any] | None) -> set[str]:
    raw = (object_info or {}).get(class_type)
    sections = raw.get("input") if isinstance(raw, Mapping) else None
    for section in sections.values() if isinstance(sections, Mapping) else ():
        spec = section.get(input_name) if isinstance(section, Mapping) else None
        kind, options = spec_of(spec)
        listed = kind if isinstance(kind, list) else options.get("options")
        if isinstance(listed, list):
            return {name for name in listed if isinstance(name, str)}
    return set()
