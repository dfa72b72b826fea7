"""Takes passwords, tokens and keys out of what is shown, copied or logged: by a name, or by their look.

What a node was given can hold a key of a paid service, and what a server logs can hold its own address with a
password in it.  Too much is masked rather than too little.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MASK = "***"
#: Text longer than this is cut before it is searched: a tensor printed as text holds no token.
_LIMIT = 200_000
_SECRET_WORDS = frozenset(
    (
        *("key", "apikey", "token", "password", "passwd", "passphrase", "secret", "auth", "pwd"),
        *("authorization", "bearer", "credential", "credentials", "cookie", "webhook"),
    )
)
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
#: Names that hold a secret where they stand before a value in running text.
_NAMES = (
    r"(?:x[-_])?(?:api|access|auth|client|private|secret|session|hf|civitai)?[-_ ]?"
    r"(?:key|token|secret|password|passwd|passphrase|pwd|credentials?|cookie)(?:[-_]comfy[-_]org)?"
)
#: ``(pattern, replacement)``, in this order.
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # A private key, whole.
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S), MASK),
    # user:password@host in an address; the name may be the secret where there is no password.
    (re.compile(r"(?<=://)[^\s/@?#'\"]{1,500}(?=@)"), MASK),
    # Authorization: Bearer abc, Bearer abc
    (
        re.compile(r"(?i)\b((?:proxy-)?authorization['\"]?\s*[:=]\s*)(?:['\"][^'\"]*['\"]|[^\r\n,}]+)"),
        rf"\1{MASK}",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"), rf"\1 {MASK}"),
    (re.compile(r"(?i)\b((?:set-)?cookie['\"]?\s*:\s*)[^\r\n]+"), rf"\1{MASK}"),
    # token=abc in an address, "api_key": "abc", api-key: abc
    (re.compile(rf"(?i)((?:\b|_){_NAMES}['\"]?\s*(?:=|:|=>)\s*)(['\"])(?:(?!\2).)*\2"), rf"\1\2{MASK}\2"),
    (re.compile(rf"(?i)((?:\b|_){_NAMES}['\"]?\s*(?:=|:|=>)\s*)(?!\*\*\*)[^\s'\"&,;)\]}}<>]+"), rf"\1{MASK}"),
    (re.compile(r"(?i)([?&](?:sig|signature|auth|jwt|code|x-amz-[a-z-]+)=)[^\s&#'\"]+"), rf"\1{MASK}"),
    # Keys that tell by their look what they are.
    (
        re.compile(
            r"\b(?:(?:sk|pk|rk|r8|hf|ghp|gho|ghs|ghu|glpat|xox[abprs]|npm|whsec)[-_](?=[A-Za-z_-]{0,60}\d)[A-Za-z0-9_-]{16,}|comfyui-[0-9a-f]{32,})"
        ),
        MASK,
    ),
    (re.compile(r"\bgithub_pat_[A-Za-z0-9_]{20,}"), MASK),
    (re.compile(r"\b(?:AKIA|ASIA|AIza)[A-Za-z0-9_-]{12,}"), MASK),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"), MASK),
    # The topics and hooks that whoever knows the address may use.
    (
        re.compile(
            r"(?i)(hooks\.slack\.com/services/|discord(?:app)?\.com/api/webhooks/|api\.telegram\.org/bot)[^\s'\"]+"
        ),
        rf"\1{MASK}",
    ),
)


def is_secret_name(name: str) -> bool:
    """Whether a value of that name may be a password, a token or a key."""
    return not _SECRET_WORDS.isdisjoint(word.lower() for word in _WORDS.findall(name))


def mask_text(text: str) -> str:
    """The text without what looks like a credential in it."""
    text = text[:_LIMIT]
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def mask_value(value: Any, name: str = "", depth: int = 0) -> Any:
    """A value of JSON, with everything inside of it masked by name and by look; long lists are cut."""
    if value and isinstance(value, str | list | tuple | Mapping) and is_secret_name(name):
        return MASK
    if depth > 8:
        return "…"
    if isinstance(value, Mapping):
        inner = list(value.items())[:100]
        return {mask_text(str(key)): mask_value(item, str(key), depth + 1) for key, item in inner}
    if isinstance(value, list | tuple):
        return [mask_value(item, "", depth + 1) for item in value[:100]]
    return mask_text(value) if isinstance(value, str) else value


_HOMES = re.compile(r"(?i)(?:/home/|/Users/|[a-z]:[\\/]+Users[\\/]+)[^\s/\\'\":;,)]+|/root(?=[/\s'\":;,)]|$)")


def without_homes(text: str) -> str:
    """The text with home folders, whosever they are, written as ``~``: their names are people's names."""
    own = os.environ.get("HOME") or str(Path.home())
    if len(own) > 1:
        text = text.replace(own, "~")
    return _HOMES.sub("~", text)
