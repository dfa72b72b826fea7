"""How a server is reached: certificates, cookies, whether a proxy stands between, and what its clock says."""

from __future__ import annotations

import ipaddress
import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from comfy_tui.errors import ConfigError

if TYPE_CHECKING:
    from comfy_tui.config import ServerProfile


def ssl_context(profile: ServerProfile) -> ssl.SSLContext:
    """The TLS settings of a profile.

    For plain http an empty context: it is never used, and reading the certificates costs 20 ms.

    Raises:
        ConfigError: its certificates cannot be read.
    """
    if not profile.url.startswith("https:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context = ssl.create_default_context(cafile=profile.ca_file or None)
    except OSError as error:  # ssl.SSLError is one
        reason = error.strerror or type(error).__name__
        raise ConfigError(
            "The certificates cannot be read",
            f"{profile.ca_file or 'the system'}: {reason}",
            "Look at ca_file in the config.",
        ) from None
    if profile.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def no_cookies() -> CookieJar:
    """A jar that takes nothing: what a server sets would go to all ports and programs of its host."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))


def is_loopback(url: str) -> bool:
    """Whether the address is this machine: then no proxy is asked."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def unusable_proxy() -> ConfigError:
    """The error for a proxy of the environment; its address may hold a password and is not shown."""
    return ConfigError(
        "The proxy cannot be used",
        "the environment names a proxy that is no http:// or https:// address",
        "Look at HTTP_PROXY, HTTPS_PROXY and ALL_PROXY; NO_PROXY names hosts that need none.",
    )


def clock_ahead(date: str, our_time_s: float) -> float | None:
    """How far a server's clock is ahead of ours, to about a second; None where it does not tell.

    Args:
        date: the header of an answer; it is cut off to seconds.
        our_time_s: when that was written, by our clock.
    """
    from email.utils import parsedate_to_datetime

    try:
        written_s = parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return written_s + 0.5 - our_time_s
