"""The table [alerts]: every key checked, mistakes named with what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from comfy_tui.alert_settings import AlertSettings, Body, Osc, Way
from comfy_tui.config import load_config
from comfy_tui.errors import ConfigError


def alerts(tmp_path: Path, text: str) -> AlertSettings:
    file = tmp_path / "config.toml"
    file.write_text(text)
    return load_config(file, {}).alerts


def test_everything(tmp_path: Path) -> None:
    found = alerts(
        tmp_path,
        """
        [alerts]
        by = ["toast", "bell", "webhook"]
        title = false
        notification = "osc777"
        command = "notify-send ComfyUI"
        [alerts.webhook]
        url = "https://ntfy.sh/topic"
        headers = {Authorization = {env = "NTFY"}}
        body = "json"
        [alerts.done]
        after_s = 5
        by = ["command", "command"]
        [alerts.failed]
        on = false
        [alerts.disk]
        free_gb = 20.5
        folder = "out"
        """,
    )
    assert found.by == (Way.TOAST, Way.BELL, Way.WEBHOOK)
    assert (found.title, found.notification, found.command) == (False, Osc.OSC777, "notify-send ComfyUI")
    assert found.webhook is not None
    assert found.webhook.body is Body.JSON
    assert found.webhook.headers[0].header == "Authorization"
    assert "ntfy" not in repr(found)
    assert found.ways("done") == (Way.COMMAND,)
    assert found.ways("failed") == found.by
    assert not found.rule("failed").on
    assert found.number("done", "after_s") == 5
    assert found.number("vram", "percent") == 97
    assert found.number("disk", "free_gb") == 20.5
    assert found.rule("disk").folder == tmp_path / "out"


def test_nothing_is_the_default(tmp_path: Path) -> None:
    assert alerts(tmp_path, "") == AlertSettings()
    assert alerts(tmp_path, "[alerts]") == AlertSettings()


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("alerts = 3", "alerts: expected a table", ""),
        ("[alerts]\nbi = []", "alerts.bi: unknown key", "Did you mean by?"),
        ('[alerts]\nby = ["tost"]', "alerts.by: 'tost' is no way of alerting", "Did you mean toast?"),
        ("[alerts]\nby = [3]", "alerts.by: 'one of them' is no way", "Valid: bell"),
        ('[alerts]\nby = "toast"', "alerts.by: expected a list of toast", ""),
        ("[alerts.dnoe]", "alerts.dnoe: unknown key", "Did you mean done?"),
        ("[alerts.done]\nafter = 3", "alerts.done.after: unknown key", "Did you mean after_s?"),
        ("[alerts.done]\nafter_s = -1", "alerts.done.after_s: expected a number from 0", ""),
        ("[alerts.vram]\npercent = 200", "alerts.vram.percent: expected a number from 1 to 100", ""),
        ('[alerts]\nnotification = "osc8"', "alerts.notification: expected one of", ""),
        ('[alerts]\nby = ["command"]', "alerts.command: is missing", "command ="),
        ('[alerts.done]\nby = ["webhook"]', "alerts.webhook: is missing", "[alerts.webhook]"),
        ('[alerts.webhook]\nbody = "text"', "alerts.webhook.url: is missing", "ntfy"),
        ('[alerts.webhook]\nurl = "file:///etc/passwd"', "alerts.webhook.url: expected an address", ""),
        ('[alerts]\ncommand = "notify | mail"', "alerts.command: holds a sign of the shell", "sh -c"),
        ('[alerts.failed]\nfolder = "x"', "alerts.failed.folder: unknown key", ""),
    ],
)
def test_mistakes(tmp_path: Path, text: str, message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        alerts(tmp_path, text)
    assert message in caught.value.message
    assert hint in caught.value.hint
