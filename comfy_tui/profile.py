"""A server's address and the credentials that go to it, and to it alone."""

from __future__ import annotations

import base64
import ipaddress
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

from comfy_tui.errors import ConfigError
from comfy_tui.secret import Secret

DEFAULT_URL = "http://127.0.0.1:8188"
DEFAULT_PORT = 8188
COMMAND_TIMEOUT_S = 10.0
_COMMAND_OUTPUT_LIMIT = 65_536
_SCHEME_PORTS = {"http": 80, "https": 443}
_SCHEME = re.compile(r"^\s*([A-Za-z][A-Za-z0-9+.-]*)://")
_HOST = re.compile(r"^[a-z0-9_]([a-z0-9._-]*[a-z0-9_.])?$")
_TOKEN = re.compile(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
_URL_HINT = "Write it like box, box:8188 or https://box.example/comfy."

#: Headers that the client itself sets, or that would change what a request means.
FORBIDDEN_HEADERS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "origin",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

BasicCredentials = tuple[str, Secret]


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where a secret comes from: written down, an environment variable, or the output of a command."""

    kind: Literal["value", "env", "command"]
    #: The value itself, the name of the variable, or the command line.
    text: Secret
    #: The config key, for messages: ``servers.box.token``.
    key: str = ""

    def read(self, environ: Mapping[str, str] | None = None) -> Secret:
        """Get the secret; may run a command and wait for it.

        Raises:
            ConfigError: the variable is not set, or the command failed.
        """
        if self.kind == "env":
            name = self.text.reveal()
            value = (os.environ if environ is None else environ).get(name, "").strip()
            if not value:
                raise _no_secret(f"{self.key}: the environment variable {name} is not set", f"Set {name}.")
        elif self.kind == "command":
            value = run_secret_command(self.text.reveal(), self.key)
        else:
            value = self.text.reveal()
        return Secret(value)


@dataclass(frozen=True, slots=True)
class Credential:
    """One header that goes with every request to a server."""

    header: str
    source: SecretSource
    scheme: Literal["", "bearer", "basic"] = ""
    username: str = ""

    def value(self) -> Secret:
        """The value of the header, checked."""
        secret = self.source.read().reveal()
        if self.scheme == "basic":
            pair = f"{self.username}:{secret}".encode("utf-8", "surrogateescape")
            secret = "Basic " + base64.b64encode(pair).decode("ascii")
        elif self.scheme == "bearer":
            secret = f"Bearer {secret}"
        if not (secret.isascii() and secret.isprintable()):
            raise _no_secret(
                f"{self.source.key}: the value holds a line break or a character that no header may hold",
                "A header is one line of plain ASCII text.",
            )
        return Secret(secret)


@dataclass(frozen=True, slots=True)
class ServerProfile:
    """A server: where it is, how it is reached, and how credentials for it are found."""

    #: The name in the config, or ``host:port`` where the server came from a URL.
    name: str
    #: ``http`` or ``https``, no credentials, no query, no trailing slash; a path prefix is kept.
    url: str
    ca_file: str = ""
    insecure: bool = False
    readonly: bool = False
    headers: tuple[Credential, ...] = field(default=(), repr=False)
    #: A command line that restarts it, of the person's own; run without a shell.
    restart_command: str = ""

    def credentials(self) -> tuple[tuple[str, Secret], ...]:
        """Header names with their values.

        Blocks while the commands of the config run (10 s at most each): call it off the event loop.

        Raises:
            ConfigError: a variable is not set, a command failed, or a value cannot be a header.
        """
        return tuple((credential.header, credential.value()) for credential in self.headers)


def basic_credential(username: str, password: SecretSource) -> Credential:
    """The ``Authorization`` header of basic authentication."""
    return Credential("Authorization", password, "basic", username)


def check_header_name(name: str) -> str:
    """What is wrong with a header's name, or an empty string."""
    if not _TOKEN.match(name):
        return "is not a header name (letters, digits and - only)"
    if name.lower() in FORBIDDEN_HEADERS or name.lower().startswith("sec-"):
        return "is set by the console itself"
    return ""


def profile_from_url(text: str) -> ServerProfile:
    """A profile for an address that no config names; credentials in it become basic authentication."""
    url, basic = normalise_url(text)
    profile_headers = () if basic is None else (_url_credential(basic),)
    return ServerProfile(host_port(url), url, headers=profile_headers)


def with_basic(profile: ServerProfile, basic: BasicCredentials) -> ServerProfile:
    """The same server with the credentials of a URL in the place of its own ``Authorization``."""
    kept = tuple(one for one in profile.headers if one.header.lower() != "authorization")
    return ServerProfile(
        profile.name,
        profile.url,
        profile.ca_file,
        profile.insecure,
        profile.readonly,
        (*kept, _url_credential(basic)),
    )


def _url_credential(basic: BasicCredentials) -> Credential:
    return basic_credential(basic[0], SecretSource("value", basic[1], "the credentials in the URL"))


def host_port(url: str) -> str:
    """``host:port`` of a normalised URL, the port always written."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or _SCHEME_PORTS.get(parts.scheme, 0)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def mask_url(text: str) -> str:
    """The text with whatever may be a user name, password or token in it replaced by ``***``."""
    if "@" in text:
        scheme = _SCHEME.match(text)
        text = (scheme.group(0).strip() if scheme else "") + "***@" + text.rpartition("@")[2]
    head, mark, _ = text.partition("?")
    return head + ("?***" if mark else "")


def normalise_url(text: str) -> tuple[str, BasicCredentials | None]:
    """Bring an address into one form, and take the credentials out of it.

    ``host``, ``host:port`` and ``:port`` mean http, port 8188 where none is given; a URL with a scheme
    has the scheme's port. A path prefix stays, query and fragment go.

    Raises:
        ConfigError: this is no address; the message never holds the credentials.
    """
    text = text.strip()
    if not text:
        raise _bad_url(text, "the address is empty")
    if any(ch.isspace() or not ch.isprintable() or ch == "\\" for ch in text):
        raise _bad_url(text, "an address holds no spaces, backslashes or control characters")
    scheme_match = _SCHEME.match(text)
    scheme = scheme_match.group(1).lower() if scheme_match else "http"
    if scheme not in _SCHEME_PORTS:
        raise _bad_url(text, f"{scheme}:// is not supported, only http:// and https://")
    rest = text[scheme_match.end() :] if scheme_match else text
    # urlsplit's own errors quote the whole address: they are not shown.
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        host = parts.hostname or ""
    except ValueError:
        raise _bad_url(text, "the host is not valid") from None
    userinfo, _, location = parts.netloc.rpartition("@")
    if "@" in parts.path + parts.query + parts.fragment:
        raise _bad_url(text, "an @ after the host", "Write @ / ? # in a password as %40 %2F %3F %23.")
    if not host and not scheme_match and re.fullmatch(r":\d+", location):
        host = "127.0.0.1"
    port = _port(text, location, DEFAULT_PORT if not scheme_match else _SCHEME_PORTS[scheme])
    origin = f"{scheme}://{_host(text, host)}"
    if port != _SCHEME_PORTS[scheme]:
        origin += f":{port}"
    return origin + _path(text, parts.path), _userinfo(userinfo)


def _host(text: str, host: str) -> str:
    if not host:
        raise _bad_url(text, "the host is missing")
    if ":" in host:
        try:
            return f"[{ipaddress.IPv6Address(host).compressed}]"
        except ValueError:
            raise _bad_url(text, "not an IPv6 address", "Write it like [::1]:8188.") from None
    try:
        host = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        raise _bad_url(text, "the host is not valid") from None
    if len(host) > 253 or ".." in host or not _HOST.fullmatch(host):
        raise _bad_url(text, "the host is not valid")
    return host


def _port(text: str, location: str, default: int) -> int:
    if location.startswith("["):
        after = location.partition("]")[2]
    else:
        if location.count(":") > 1:
            raise _bad_url(text, "too many colons", "Write an IPv6 address in brackets: [::1]:8188.")
        after = location[location.find(":") :] if ":" in location else ""
    if not after:
        return default
    if not re.fullmatch(r":[0-9]{1,5}", after) or not 0 < int(after[1:]) < 65536:
        raise _bad_url(text, "the port is not a number from 1 to 65535")
    return int(after[1:])


def _path(text: str, path: str) -> str:
    if any(segment in (".", "..") for segment in unquote(path).split("/")):
        raise _bad_url(text, "a path prefix has no . or .. in it")
    path = re.sub(r"/{2,}", "/", quote(path, safe="/%:!$&'()*+,;=~-._")).rstrip("/")
    return path


def _userinfo(userinfo: str) -> BasicCredentials | None:
    if not userinfo:
        return None
    username, _, password = userinfo.partition(":")
    return unquote(username), Secret(unquote(password))


def _bad_url(text: str, reason: str, hint: str = _URL_HINT) -> ConfigError:
    return ConfigError("This is not a server's address", f"{mask_url(text)}: {reason}", hint)


def _no_secret(message: str, hint: str) -> ConfigError:
    return ConfigError("The credentials cannot be had", message, hint)


def run_secret_command(command: str, key: str) -> str:
    """What the command prints, stripped. No shell; its stderr is thrown away, it may hold secrets."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if not words:
        raise _no_secret(f"{key}: the command cannot be read", "Check its quotes.")
    program = words[0]
    hint = f"Run the command of {key} in a shell to see why."
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise _no_secret(f"{key}: {program} cannot be run ({reason})", hint) from None
    try:
        out, _ = process.communicate(timeout=COMMAND_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise _no_secret(f"{key}: {program} did not finish in {COMMAND_TIMEOUT_S:g} s", hint) from None
    finally:
        _end(process)
    if process.returncode != 0:
        raise _no_secret(f"{key}: {program} failed with exit code {process.returncode}", hint)
    value = out[:_COMMAND_OUTPUT_LIMIT].decode("utf-8", "replace").strip()
    if not value:
        raise _no_secret(f"{key}: {program} printed nothing", hint)
    return value


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the command and its children if it still runs, without waiting for a pipe they hold."""
    if process.poll() is None:
        try:
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        except (OSError, ProcessLookupError):
            process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
