from __future__ import annotations

import sys
import time
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy_tui import profile as profile_module
from comfy_tui.errors import ConfigError
from comfy_tui.profile import (
    Credential,
    SecretSource,
    ServerProfile,
    basic_credential,
    host_port,
    mask_url,
    normalise_url,
    profile_from_url,
)
from comfy_tui.secret import Secret


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("box", "http://box:8188"),
        (" Box \n", "http://box:8188"),
        ("box:80", "http://box"),
        ("box/comfy/", "http://box:8188/comfy"),
        (":9", "http://127.0.0.1:9"),
        ("localhost:8188", "http://localhost:8188"),
        ("192.168.0.2", "http://192.168.0.2:8188"),
        ("http://box", "http://box"),
        ("https://box:443/", "https://box"),
        ("https://box:80", "https://box:80"),
        ("https://Box.Example//a//b/?q=1#f", "https://box.example/a/b"),
        ("http://box/a%20b/é", "http://box/a%20b/%C3%A9"),
        ("[::1]", "http://[::1]:8188"),
        ("http://[2001:DB8:0::1]:9", "http://[2001:db8::1]:9"),
        ("http://comfy_ui:8188", "http://comfy_ui:8188"),
        ("http://bücher.example", "http://xn--bcher-kva.example"),
    ],
)
def test_addresses_have_one_form(text: str, url: str) -> None:
    assert normalise_url(text) == (url, None)
    assert normalise_url(url) == (url, None)


@pytest.mark.parametrize(
    "text",
    [
        *("", "  ", "http://", "://box", "ftp://box", "ws://box", "file:///etc/passwd", "a b", "http://a b/"),
        *(
            "box:0",
            "http://box:/",
            "box:65536",
            "box:x",
            "box:-1",
            "box:1:2",
            "::1",
            "http://[::1",
            "http://[zz]",
            "[::1]x",
        ),
        *("http://box/../x", "http://box/%2e%2e/x", "http://bo\x1bx", "http://box\\x", ":", ":x"),
        *("javascript:alert(1)", "http://.box", "http://box..", "-box", "http://bo$x", "box:8188:", "box:８"),
    ],
)
def test_what_is_no_address_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        normalise_url(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "username", "password"),
    [
        ("http://me:p%40ss%3A@box", "me", "p@ss:"),
        ("me:pass@box:80", "me", "pass"),
        ("http://me@box", "me", ""),
        ("http://:pass@box", "", "pass"),
        ("http://me:a@b@box", "me", "a@b"),
    ],
)
def test_credentials_leave_the_url(text: str, username: str, password: str) -> None:
    url, basic = normalise_url(text)
    assert url == "http://box"
    assert basic is not None
    assert (basic[0], basic[1].reveal()) == (username, password)
    assert password == "" or password not in repr((url, basic))


SECRET = "hunter2-secret"


@pytest.mark.parametrize(
    "text",
    [
        f"http://me:{SECRET}@b b",
        f"ftp://me:{SECRET}@box",
        f"http://me:{SECRET}/x@box",
        f"http://me:1/{SECRET}@box",
        f"http://me:{SECRET}?x@box",
        f"http://me:{SECRET}#x@box",
        f"http://me:{SECRET}@",
        f"http://me:{SECRET}@[zz",
        f"http://me:{SECRET}@box:99999",
        f"me:{SECRET}@box:x",
        f"http://b x/?token={SECRET}",
        f"http://me:{SECRET}@ｅ\u2100vil",
    ],
)
def test_no_message_shows_a_password(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        normalise_url(text)
    shown = "".join(traceback.format_exception(caught.value)) + caught.value.hint
    assert SECRET not in shown


@given(st.text(alphabet="ab:/@?#[]%.\\ é", max_size=20))
def test_any_text_is_an_address_or_an_error(text: str) -> None:
    try:
        url, _ = normalise_url(text)
    except ConfigError:
        return
    assert "@" not in url
    assert normalise_url(url) == (url, None)


def test_masking() -> None:
    assert mask_url("http://a:b@c/d") == "http://***@c/d"
    assert mask_url("a:b@c@d") == "***@d"
    assert mask_url("http://c/d?token=x") == "http://c/d?***"
    assert mask_url("http://c/d") == "http://c/d"


def test_a_profile_from_a_url_is_named_by_host_and_port() -> None:
    assert profile_from_url("https://me:pw@box/x").name == "box:443"
    assert host_port("http://[::1]:9") == "[::1]:9"


def with_source(kind: str, text: str, scheme: str = "") -> ServerProfile:
    source = SecretSource(kind, Secret(text), "servers.box.token")  # type: ignore[arg-type]
    return ServerProfile("box", "http://box", headers=(Credential("X-Key", source, scheme),))  # type: ignore[arg-type]


def value_of(profile: ServerProfile) -> str:
    ((_, value),) = profile.credentials()
    assert isinstance(value, Secret)
    return value.reveal()


def test_the_three_forms_of_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", " from-env\n")
    assert value_of(with_source("value", "plain")) == "plain"
    assert value_of(with_source("env", "MY_TOKEN", "bearer")) == "Bearer from-env"
    command = f"{sys.executable} -c \"print(' from command ')\""
    assert value_of(with_source("command", command)) == "from command"


def test_basic_credentials_are_utf8() -> None:
    credential = basic_credential("mé", SecretSource("value", Secret("pä:ss")))
    assert credential.value().reveal() == "Basic bcOpOnDDpDpzcw=="


def test_a_profile_never_shows_its_secrets() -> None:
    profile = with_source("value", SECRET)
    assert SECRET not in repr(profile) + repr(profile.headers) + str(profile.headers) + repr(
        profile.credentials()
    )


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (f"import sys; print('{SECRET}', file=sys.stderr); print('{SECRET}'); sys.exit(3)", "exit code 3"),
        ("pass", "printed nothing"),
        (f"print('{SECRET}\\nX-Evil: 1')", "line break"),
        (f"print('{SECRET}\\x1b')", "line break or a character"),
    ],
)
def test_a_command_that_fails_is_named_and_its_output_is_not(
    code: str, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        with_source("command", f'{sys.executable} -c "{code}"').credentials()
    shown = "".join(traceback.format_exception(caught.value)) + caught.value.hint
    assert "servers.box.token" in shown
    assert f"'{SECRET}'" not in caught.value.message + caught.value.hint
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("command", ["/no/such/program", "'unclosed", "   "])
def test_a_command_that_cannot_run_is_an_error(command: str) -> None:
    with pytest.raises(ConfigError, match=r"servers\.box\.token"):
        with_source("command", command).credentials()


def test_a_command_has_no_shell(tmp_path: object) -> None:
    assert value_of(with_source("command", "echo $HOME; echo no")) == "$HOME; echo no"


def test_a_command_that_hangs_is_ended_with_its_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile_module, "COMMAND_TIMEOUT_S", 0.3)
    started = time.monotonic()
    with pytest.raises(ConfigError, match="did not finish"):
        with_source("command", "sh -c 'sleep 30 & sleep 30'").credentials()
    assert time.monotonic() - started < 10


def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(ConfigError, match="NO_SUCH_VARIABLE is not set"):
        with_source("env", "NO_SUCH_VARIABLE").credentials()
