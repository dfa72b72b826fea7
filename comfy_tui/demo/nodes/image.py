"""Nodes that change pictures. They really do, on Pillow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PIL import Image, ImageChops, ImageFilter, ImageOps

from .base import Context, Masks, NodeType, Pictures, Result, Spec, pictures

_RESAMPLE = {
    "nearest-exact": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "area": Image.Resampling.BOX,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_MAX_SIDE = 16384


def side(default: int, minimum: int, step: int = 1) -> Spec:
    """The spec of a width, a height or a place."""
    return ["INT", {"default": default, "min": minimum, "max": _MAX_SIDE, "step": step}]


def choice(*options: str) -> Spec:
    """The spec of a choice as V3 nodes write it."""
    return ["COMBO", {"multiselect": False, "options": list(options)}]


def _empty(ctx: Context, inputs: dict[str, Any]) -> Result:
    color = inputs["color"]
    rgb = (color >> 16 & 255, color >> 8 & 255, color & 255)
    picture = Image.new("RGB", (inputs["width"], inputs["height"]), rgb)
    return Result((Pictures((picture,) * inputs["batch_size"]),))


def _resize(item: Image.Image, width: int, height: int, method: str, crop: str = "disabled") -> Image.Image:
    if width == 0 and height == 0:
        return item
    width = width or max(1, round(item.width * height / item.height))
    height = height or max(1, round(item.height * width / item.width))
    if crop == "center":
        return ImageOps.fit(item, (width, height), _RESAMPLE[method])
    return item.resize((width, height), _RESAMPLE[method])


def _scale(ctx: Context, inputs: dict[str, Any]) -> Result:
    width, height, method, crop = (inputs[k] for k in ("width", "height", "upscale_method", "crop"))
    return Result((pictures(inputs["image"]).map(lambda item: _resize(item, width, height, method, crop)),))


def _scale_by(ctx: Context, inputs: dict[str, Any]) -> Result:
    factor, method = inputs["scale_by"], inputs["upscale_method"]

    def change(item: Image.Image) -> Image.Image:
        return _resize(item, max(1, round(item.width * factor)), max(1, round(item.height * factor)), method)

    return Result((pictures(inputs["image"]).map(change),))


def _invert(ctx: Context, inputs: dict[str, Any]) -> Result:
    return Result((pictures(inputs["image"]).map(lambda item: ImageOps.invert(item.convert("RGB"))),))


_BLEND: dict[str, Callable[[Image.Image, Image.Image], Image.Image]] = {
    "normal": lambda one, two: two,
    "multiply": ImageChops.multiply,
    "screen": ImageChops.screen,
    "overlay": ImageChops.overlay,
    "soft_light": ImageChops.soft_light,
    "difference": ImageChops.difference,
}


def _blend(ctx: Context, inputs: dict[str, Any]) -> Result:
    first, second = pictures(inputs["image1"]), pictures(inputs["image2"])
    made = []
    for index, base in enumerate(first.items):
        one = base.convert("RGB")
        two = second.items[min(index, len(second.items) - 1)].convert("RGB")
        if two.size != one.size:
            two = two.resize(one.size, Image.Resampling.BICUBIC)
        mixed = _BLEND[inputs["blend_mode"]](one, two)
        made.append(Image.blend(one, mixed, inputs["blend_factor"]))
    return Result((Pictures(tuple(made)),))


def _blur(ctx: Context, inputs: dict[str, Any]) -> Result:
    radius = min(inputs["sigma"], inputs["blur_radius"])
    blur = ImageFilter.GaussianBlur(radius)
    return Result((pictures(inputs["image"]).map(lambda item: item.filter(blur)),))


def _sharpen(ctx: Context, inputs: dict[str, Any]) -> Result:
    sharp = ImageFilter.UnsharpMask(inputs["sharpen_radius"], round(inputs["alpha"] * 100), 0)
    return Result((pictures(inputs["image"]).map(lambda item: item.filter(sharp)),))


def _crop(ctx: Context, inputs: dict[str, Any]) -> Result:
    def change(item: Image.Image) -> Image.Image:
        left, top = min(inputs["x"], item.width - 1), min(inputs["y"], item.height - 1)
        right, bottom = min(item.width, left + inputs["width"]), min(item.height, top + inputs["height"])
        return item.crop((left, top, right, bottom))

    return Result((pictures(inputs["image"]).map(change),))


def _flip(ctx: Context, inputs: dict[str, Any]) -> Result:
    flip = ImageOps.flip if inputs["flip_method"].startswith("x") else ImageOps.mirror
    return Result((pictures(inputs["image"]).map(flip),))


def _rotate(ctx: Context, inputs: dict[str, Any]) -> Result:
    turns = {"90 degrees": -90, "180 degrees": 180, "270 degrees": 90}.get(inputs["rotation"], 0)
    return Result((pictures(inputs["image"]).map(lambda item: item.rotate(turns, expand=True)),))


def _batch(ctx: Context, inputs: dict[str, Any]) -> Result:
    one, two = pictures(inputs["image1"]), pictures(inputs["image2"])
    size = one.items[0].size
    return Result((Pictures(one.items + two.map(lambda item: ImageOps.fit(item, size)).items),))


def _repeat(ctx: Context, inputs: dict[str, Any]) -> Result:
    return Result((Pictures(pictures(inputs["image"]).items * inputs["amount"]),))


def _pad(ctx: Context, inputs: dict[str, Any]) -> Result:
    batch = pictures(inputs["image"])
    border = tuple(inputs[k] for k in ("left", "top", "right", "bottom"))
    padded = batch.map(lambda item: ImageOps.expand(item.convert("RGB"), border, (128, 128, 128)))
    mask = ImageOps.expand(Image.new("L", batch.items[0].size, 0), border, 255)
    if inputs["feathering"]:
        mask = mask.filter(ImageFilter.GaussianBlur(inputs["feathering"] / 2))
    return Result((padded, Masks((mask,))))


_POST = "comfy_extras.nodes_post_processing"
_IMAGES = "comfy_extras.nodes_images"
_METHODS = ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"]
_IMAGE: Spec = ["IMAGE"]
_V3_IMAGE: Spec = ["IMAGE", {}]
_OUT: dict[str, Any] = {"outputs": ("IMAGE",)}
_V3: dict[str, Any] = {"outputs": ("IMAGE",), "v3": True}

IMAGE_NODES = (
    NodeType(
        "EmptyImage",
        "Empty Image",
        "image",
        _empty,
        {
            "width": side(512, 1),
            "height": side(512, 1),
            "batch_size": ["INT", {"default": 1, "min": 1, "max": 4096}],
            "color": ["INT", {"default": 0, "min": 0, "max": 0xFFFFFF, "step": 1, "display": "color"}],
        },
        **_OUT,
    ),
    NodeType(
        "ImageScale",
        "Upscale Image",
        "image/upscaling",
        _scale,
        {
            "image": _IMAGE,
            "upscale_method": [_METHODS],
            "width": side(512, 0),
            "height": side(512, 0),
            "crop": [["disabled", "center"]],
        },
        aliases=("resize", "scale image", "change size"),
        **_OUT,
    ),
    NodeType(
        "ImageScaleBy",
        "Upscale Image By",
        "image/upscaling",
        _scale_by,
        {
            "image": _IMAGE,
            "upscale_method": [_METHODS],
            "scale_by": ["FLOAT", {"default": 1.0, "min": 0.01, "max": 8.0, "step": 0.01}],
        },
        **_OUT,
    ),
    NodeType("ImageInvert", "Invert Image Colors", "image/color", _invert, {"image": _IMAGE}, **_OUT),
    NodeType(
        "ImageBatch",
        "Batch Images (DEPRECATED)",
        "image/batch",
        _batch,
        {"image1": _IMAGE, "image2": _IMAGE},
        deprecated=True,
        **_OUT,
    ),
    NodeType(
        "ImagePadForOutpaint",
        "Pad Image for Outpainting",
        "image/transform",
        _pad,
        {
            "image": _IMAGE,
            **{edge: side(0, 0, 8) for edge in ("left", "top", "right", "bottom")},
            "feathering": ["INT", {"default": 40, "min": 0, "max": _MAX_SIDE, "step": 1, "advanced": True}],
        },
        outputs=("IMAGE", "MASK"),
    ),
    NodeType(
        "ImageBlend",
        "Blend Images",
        "image/filters",
        _blend,
        {
            "image1": _V3_IMAGE,
            "image2": _V3_IMAGE,
            "blend_factor": ["FLOAT", {"default": 0.5, "min": 0.0, "max": 1.0, "step": 0.01}],
            "blend_mode": choice(*_BLEND),
        },
        module=_POST,
        **_V3,
    ),
    NodeType(
        "ImageBlur",
        "Blur Image",
        "image/filters",
        _blur,
        {
            "image": _V3_IMAGE,
            "blur_radius": ["INT", {"default": 1, "min": 1, "max": 31, "step": 1}],
            "sigma": ["FLOAT", {"default": 1.0, "min": 0.1, "max": 10.0, "step": 0.1}],
        },
        module=_POST,
        **_V3,
    ),
    NodeType(
        "ImageSharpen",
        "Sharpen Image",
        "image/filters",
        _sharpen,
        {
            "image": _V3_IMAGE,
            "sharpen_radius": ["INT", {"advanced": True, "default": 1, "min": 1, "max": 31, "step": 1}],
            "sigma": ["FLOAT", {"advanced": True, "default": 1.0, "min": 0.1, "max": 10.0, "step": 0.01}],
            "alpha": ["FLOAT", {"advanced": True, "default": 1.0, "min": 0.0, "max": 5.0, "step": 0.01}],
        },
        module=_POST,
        **_V3,
    ),
    NodeType(
        "ImageCrop",
        "Crop Image (DEPRECATED)",
        "image/transform",
        _crop,
        {
            "image": _V3_IMAGE,
            "width": side(512, 1),
            "height": side(512, 1),
            "x": side(0, 0),
            "y": side(0, 0),
        },
        module=_IMAGES,
        deprecated=True,
        **_V3,
    ),
    NodeType(
        "ImageFlip",
        "Flip Image",
        "image/transform",
        _flip,
        {"image": _V3_IMAGE, "flip_method": choice("x-axis: vertically", "y-axis: horizontally")},
        module=_IMAGES,
        **_V3,
    ),
    NodeType(
        "ImageRotate",
        "Rotate Image",
        "image/transform",
        _rotate,
        {"image": _V3_IMAGE, "rotation": choice("none", "90 degrees", "180 degrees", "270 degrees")},
        module=_IMAGES,
        **_V3,
    ),
    NodeType(
        "RepeatImageBatch",
        "Repeat Image Batch",
        "image/batch",
        _repeat,
        {"image": _V3_IMAGE, "amount": ["INT", {"default": 1, "min": 1, "max": 4096}]},
        module=_IMAGES,
        **_V3,
    ),
)
