"""The project's own list of models, ``references/models.md``, read as the Markdown that people write.

A section names files in backticks, folders as ``models/...`` and pages as URLs. Only what stands there
is used: a URL that is the file itself is one to download, any other is a page to look at.
"""

from __future__ import annotations

import re

from comfy_tui.workflow.advice.commands import MODEL_ENDINGS, file_in, safe_url
from comfy_tui.workflow.advice.knowledge import ModelSource
from comfy_tui.workflow.advice.types import Origin

_LIMIT = 500_000
_MOST_LINE = 4000
_URL = re.compile(r"https?://[^\s)>\]|`\"']{4,1900}")
_NAME = re.compile(r"`([^`\n]{3,300})`")
_BARE = re.compile(r"(?<![\w./:+-])([\w][\w.+-]{0,200}\.(?:safetensors|sft|ckpt|pth|gguf|onnx))(?![\w/])")
_FOLDER = re.compile(r"(?<![\w/])(?:ComfyUI/)?models/([\w./-]{1,100})")


def read_references(text: str) -> tuple[ModelSource, ...]:
    """The model files that the text names, in its order; a file named twice counts with the better URL."""
    found: dict[tuple[str, str | None], ModelSource] = {}
    for section in _sections(text[:_LIMIT]):
        for source in _read_section(section):
            known = found.get((source.name, source.folder))
            if known is None or (known.url is None and (source.url or not known.page)):
                found[source.name, source.folder] = source
    return tuple(found.values())


def _sections(text: str) -> list[list[str]]:
    sections: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            sections.append([])
        sections[-1].append(line[:_MOST_LINE])
    return sections


def _read_section(lines: list[str]) -> list[ModelSource]:
    urls = [url for line in lines for url in _urls(line)]
    pages = [url for url in urls if not _is_model(file_in(url))]
    folder = next((f for line in lines if not _names(line) for f in _folders(line)), None)
    found = []
    for line in lines:
        here = _urls(line)
        place = next(iter(_folders(line)), folder)
        for url in here:
            if _is_model(file_in(url)):
                found.append(_source(file_in(url), place, url, None))
        for name in _names(line):
            direct = next((url for url in urls if file_in(url) == name), None)
            page = next((url for url in here if url in pages), pages[0] if pages else None)
            if direct is None:
                found.append(_source(name, place, None, page))
    return found


def _source(name: str, place: str | None, url: str | None, page: str | None) -> ModelSource:
    folder, _, below = (place or "").partition("/")
    return ModelSource(name, folder or None, url, Origin.PROJECT, page=page, subfolder=below)


def _urls(line: str) -> list[str]:
    return [url for match in _URL.findall(line) if (url := safe_url(match.rstrip(".,;:*"))) is not None]


def _names(line: str) -> list[str]:
    plain = _URL.sub(" ", line)
    named = [text.strip() for text in _NAME.findall(plain)]
    names = [text.rsplit("/", 1)[-1] for text in named] + _BARE.findall(_NAME.sub(" ", plain))
    return [name for name in dict.fromkeys(names) if _is_model(name)]


def _folders(line: str) -> list[str]:
    found = []
    for path in _FOLDER.findall(_URL.sub(" ", line)):
        steps = [step for step in path.split("/") if step not in ("", ".")]
        if steps and _is_model(steps[-1]):
            steps.pop()
        if steps and ".." not in steps:
            found.append("/".join(steps))
    return found


def _is_model(name: str) -> bool:
    return name.lower().endswith(MODEL_ENDINGS) and len(name) > 5
