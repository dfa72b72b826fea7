"""Commands and links that are safe to paste (manager-and-models, sections 3 and 4.3).

What stands in them comes from workflows and servers. A name that a shell, an option parser or a
terminal could misread makes no command at all.
"""

from __future__ import annotations

import re
import shlex
from urllib.parse import quote, unquote, urlsplit

from comfy_tui.text import clean
from comfy_tui.workflow.advice.types import Pack

MODEL_ENDINGS = (*(".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".gguf", ".onnx", ".pkl"),)
"""What the browser and the server take for a model file (manager-and-models, section 4.3)."""

_PICKLES = (".ckpt", ".pt", ".pt2", ".pth", ".bin", ".pkl")
_KNOWN_HOSTS = ("huggingface.co", "civitai.com", "civitai.red", "github.com")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_VERSION = re.compile(r"v?[0-9][0-9A-Za-z.+_-]{0,60}")
_OWNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]{0,38})/([A-Za-z0-9_][A-Za-z0-9._-]{0,99})")
_URL_LIMIT = 2000


def safe_id(text: object) -> str | None:
    """A registry id, if it is one."""
    return text if isinstance(text, str) and _ID.fullmatch(text) else None


def safe_version(text: object) -> str | None:
    """A version number, if it is one."""
    return text if isinstance(text, str) and _VERSION.fullmatch(text) else None


def repository_of(owned: object) -> str | None:
    """The address of ``owner/repository``, as ``aux_id`` names it; None where that is not what it is."""
    found = _OWNED.fullmatch(owned) if isinstance(owned, str) else None
    return f"https://github.com/{found[1]}/{found[2].removesuffix('.git')}" if found else None


def safe_url(text: object) -> str | None:
    """An http(s) URL without surprises: no name or password in it, no control characters, no spaces.

    A page of a file on Hugging Face (``/blob/``) becomes the file (``/resolve/``).
    """
    if not isinstance(text, str) or not 10 <= len(text) <= _URL_LIMIT:
        return None
    text = text.strip()
    if clean(text, _URL_LIMIT) != text or any(ch.isspace() or ch in "\\\"'<>`{}|^" for ch in text):
        return None
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc or not host.isascii():
        return None
    if is_of(host, "huggingface.co"):
        text = text.replace("/blob/", "/resolve/", 1)
    return quote(text, safe="%:/?#[]@!$&()*+,;=~-._")


def is_of(host: str, domain: str) -> bool:
    """Whether a host is that domain or below it."""
    return host == domain or host.endswith("." + domain)


def file_in(url: str) -> str:
    """The last part of a URL's path, decoded."""
    return unquote(urlsplit(url).path.rsplit("/", 1)[-1])


def page_of(url: str) -> str:
    """The page to read before a file is downloaded: the repository on Hugging Face, else the URL."""
    parts = urlsplit(url)
    steps = parts.path.strip("/").split("/")
    if is_of(parts.hostname or "", "huggingface.co") and len(steps) >= 2:
        count = 3 if steps[0] in ("datasets", "spaces") else 2
        return f"https://huggingface.co/{'/'.join(steps[:count])}"
    return url


def doubt_about(url: str, name: str) -> str:
    """Why a download deserves a look: an unusual host, no encryption, a file that can hold a program."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not any(is_of(host, known) for known in _KNOWN_HOSTS):
        return f"{host} is not one of the usual places for models"
    if parts.scheme != "https":
        return "the download is not encrypted"
    if name.lower().endswith(_PICKLES):
        return "a file of this kind can hold a program that runs when it is loaded"
    return ""


def safe_path(folder: str, name: str) -> tuple[str, str] | None:
    """Folder below ``models`` and file name of a model; None where they lead elsewhere.

    ``name`` may have folders before it, with either kind of slash.
    """
    steps = f"{folder}/{name}".replace("\\", "/").split("/")
    for step in steps:
        if step in ("", ".", "..") or clean(step, 300) != step or step != step.strip() or ":" in step:
            return None
    return "/".join(steps[:-1]), steps[-1]


def download_commands(url: str, folder: str, name: str) -> tuple[str, ...]:
    """Ways to download a file to where it belongs; empty where its name cannot be one."""
    place = safe_path(folder, name)
    if place is None:
        return ()
    below, file_name = place
    target = f"models/{below}/{file_name}"
    words = ["comfy", "model", "download", "--url", url, "--relative-path", f"models/{below}"]
    words += [f"--filename={file_name}"] if file_name.startswith("-") else ["--filename", file_name]
    curl = ["curl", "-L", "-C", "-", "--fail", "--create-dirs", "-o", target, url]
    return shlex.join(words), shlex.join(curl)


def install_commands(pack: Pack) -> tuple[str, ...]:
    """Ways to install a pack; empty where neither its id nor its repository can be trusted to be one."""
    if pack.id is not None and safe_id(pack.id):
        version = safe_version(pack.version)
        return (shlex.join(["comfy", "node", "install", pack.id + (f"@{version}" if version else "")]),)
    url = safe_url(pack.repository)
    return (shlex.join(["comfy", "node", "install", url]),) if url is not None else ()


def update_commands(pack: Pack) -> tuple[str, ...]:
    """The way to update a pack that is there."""
    return (shlex.join(["comfy", "node", "update", pack.id]),) if pack.id and safe_id(pack.id) else ()


def pack_link(pack: Pack) -> str | None:
    """The page of a pack."""
    if pack.id is not None and safe_id(pack.id):
        return f"https://registry.comfy.org/nodes/{quote(pack.id, safe='')}"
    return safe_url(pack.repository)
