"""What can go wrong between the console and a server: titles, causes and next steps, as data.

The HTTP layer raises its errors with these words, and the troubleshooter's table shows the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which a call fails."""

    id: str
    title: str
    #: Why that is, in a sentence.
    cause: str
    #: What to do next; the hint of the error.
    step: str


_ALL = (
    Fault(
        "refused_connection",
        "ComfyUI is not running at this address",
        "Nothing listens at the address: ComfyUI was not started, has ended, or has another port.",
        "Start ComfyUI or correct the address. Offline, workflows can be read, changed and exported.",
    ),
    Fault(
        "no_connection",
        "No connection",
        "The host takes no connection in time: it is off, or a firewall stands between.",
        "Is the host up, and does a firewall stand between?",
    ),
    Fault(
        "unknown_host",
        "Unknown host",
        "The name of the host has no address.",
        "Look at the spelling of the URL.",
    ),
    Fault(
        "tls",
        "No secure connection",
        "The certificate is not trusted, or the port does not speak TLS.",
        "Set ca_file (or insecure) for this server in the config, or use http://.",
    ),
    Fault(
        "broken_connection",
        "The connection broke",
        "The server or a proxy ended the connection in the middle of an answer.",
        "Look at the server's log (5); a proxy between may also do this.",
    ),
    Fault(
        "timeout",
        "The server does not answer",
        "It took the connection and gave no answer: a node that validates for long, a full disk, or a hang. "
        "A read is tried twice, what changes the server is sent once.",
        "It is busy or hung. Look at its log (5); it may recover by itself.",
    ),
    Fault(
        "server_error",
        "The server failed",
        "The server broke over the request (500). A malformed request does this, and so do custom nodes.",
        "Look at its log (5). Asking again will not help by itself; a restart of ComfyUI may.",
    ),
    Fault(
        "bad_gateway",
        "The server failed",
        "A proxy answers, ComfyUI behind it does not (502, 503, 504).",
        "A proxy answers, ComfyUI behind it does not: is it running?",
    ),
    Fault(
        "no_access",
        "No access",
        "A proxy or the server wants credentials (401, 403).",
        "Give a token, password or header (multi-user: Comfy-User) for this server in the config.",
    ),
    Fault(
        "too_large",
        "Too large for the server",
        "The request is larger than the server or a proxy takes (413).",
        "Start ComfyUI with a larger --max-upload-size.",
    ),
)
FAULTS: Mapping[str, Fault] = {fault.id: fault for fault in _ALL}
