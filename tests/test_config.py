from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from comfy_tui.config import KEYS, SERVER_KEYS, Config, ServerProfile, load_config, resolve_server
from comfy_tui.errors import ConfigError


def write(file: Path, text: str) -> Config:
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    return load_config(environ={})


def headers(profile: ServerProfile) -> dict[str, str]:
    return {name: value.reveal() for name, value in profile.credentials()}


def test_without_a_file_the_defaults_count(config_file: Path) -> None:
    config = load_config(environ={})
    assert config == Config(file=config_file)


def test_the_table_has_a_key_for_every_field_with_its_default() -> None:
    fields = {field.name: field.default for field in dataclasses.fields(Config)}
    assert {key.name: key.default for key in KEYS} == {
        name: default for name, default in fields.items() if name not in ("file", "warnings")
    }
    assert all(key.help for key in (*KEYS, *SERVER_KEYS))


def test_every_key_is_read(config_file: Path) -> None:
    config = write(
        config_file,
        """
        default_server = "box"
        interval_s = 2
        theme = "light"
        ascii = true
        readonly = true
        workflow_folders = ["~/flows", "/abs", "near"]
        save_folder = "~/pictures"
        history_items = 7
        long_job_minutes = 0.5
        [keys]
        "app.help" = "f2"
        "job.cancel" = ["d", "delete"]
        [servers.box]
        url = "HTTPS://Box.Example:443/comfy/"
        ca_file = "ca.pem"
        insecure = true
        readonly = true
        """,
    )
    home = Path(os.environ["HOME"])
    assert (config.interval_s, config.theme, config.ascii, config.readonly) == (2.0, "light", True, True)
    assert config.workflow_folders == (home / "flows", Path("/abs"), config_file.parent / "near")
    assert config.save_folder == home / "pictures"
    assert (config.history_items, config.long_job_minutes) == (7, 0.5)
    assert config.keys == (("app.help", ("f2",)), ("job.cancel", ("d", "delete")))
    assert config.servers == (
        ServerProfile("box", "https://box.example/comfy", str(config_file.parent / "ca.pem"), True, True),
    )


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("intervall_s = 3", "intervall_s: unknown key", "Did you mean interval_s?"),
        ("[servers.box]\nurl = 'box'\ntokn = 'x'", "servers.box.tokn: unknown key", "Did you mean token?"),
        ("interval_s = 0", "interval_s: expected a number from 1 to 3600, not 0", ""),
        ("interval_s = nan", "interval_s: expected a number from 1 to 3600", ""),
        ("interval_s = inf", "interval_s: expected a number from 1 to 3600", ""),
        ("interval_s = true", "interval_s: expected a number", ""),
        ("interval_s = '5'", "interval_s: expected a number", ""),
        ("history_items = 1.5", "history_items: expected a whole number from 1 to 1000", ""),
        ("history_items = 1001", "history_items: expected a whole number", ""),
        ("ascii = 1", "ascii: expected true or false, not a number", ""),
        ("theme = ['dark']", "theme: expected text in quotes, not a list", ""),
        ("theme = 2020-01-01", "theme: expected text in quotes, not a date", ""),
        ("workflow_folders = 'x'", "workflow_folders: expected a list", ""),
        ("workflow_folders = [1]", "workflow_folders: expected a path", ""),
        ("save_folder = ''", "save_folder: expected a path", ""),
        ("save_folder = '~nobody-at-all/x'", "save_folder: there is no such home", ""),
        ("keys = 'x'", "keys: expected a table", ""),
        ("[keys]\n'app.help' = 1", "keys.app.help: expected a key", ""),
        ("[keys]\n'app.help' = []", "keys.app.help: expected a key", ""),
        ("servers = 1", "servers: expected a table", ""),
        ("[servers]\nbox = 'http://box'", "servers.box: expected a table", "[servers.box]"),
        ("[servers.box]\nreadonly = true", "servers.box.url: is missing", ""),
        ("[servers.'']\nurl = 'x'", "a server needs a name", ""),
        ("[servers.box]\nurl = 'ftp://x'", "servers.box.url: ftp://x", ""),
        ("[servers.box]\nurl = 'x'\ntoken = 5", "servers.box.token: expected text", ""),
        ("[servers.box]\nurl = 'x'\ntoken = ''", "servers.box.token: expected text", ""),
        ("[servers.box]\nurl = 'x'\ntoken = {env = 'A', command = 'b'}", "servers.box.token: expected", ""),
        ("[servers.box]\nurl = 'x'\ntoken = {envv = 'A'}", "servers.box.token: expected text", ""),
        ("[servers.box]\nurl = 'x'\nusername = 'u'", "servers.box.password: is missing", ""),
        ("[servers.box]\nurl = 'x'\npassword = 'u'", "servers.box.username: is missing", ""),
        ("[servers.box]\nurl = 'u:p@x'\ntoken = 't'", "header authorization is given more than once", ""),
        ("[servers.box]\nurl = 'x'\nheaders = {X-A = '1', x-a = '2'}", "header x-a is given more", ""),
        ("[servers.box]\nurl = 'x'\nheaders = {'X A' = '1'}", "servers.box.headers.X A: is not a header", ""),
        ("[servers.box]\nurl = 'x'\nheaders = {\"X\\r\" = '1'}", "is not a header name", ""),
        ("[servers.box]\nurl = 'x'\nheaders = {Host = '1'}", "headers.Host: is set by the console", ""),
        ("[servers.box]\nurl = 'x'\nheaders = {Origin = '1'}", "headers.Origin: is set by the console", ""),
        ("[servers.box]\nurl = 'x'\nheaders = {Sec-Fetch-Site = '1'}", "is set by the console", ""),
        ('[servers.box]\nurl = "x"\nheaders = {X = "a\\r\\nHost: b"}', "one line of plain ASCII", ""),
        ("default_server = 'bxo'\n[servers.box]\nurl = 'x'", "there is no [servers.bxo]", "mean box?"),
        ("default_server = 'ftp://x'", "default_server: ftp://x", ""),
        ("theme =", "not TOML", "Mend the file"),
        ("a = " + "[" * 5000, "not TOML", "Mend the file"),
        ("#" * 1_000_001, "larger than 1 MB", "Mend the file"),
    ],
)
def test_what_is_wrong_is_named(config_file: Path, text: str, key: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        write(config_file, text)
    assert str(config_file) in caught.value.message
    assert key in caught.value.message
    assert words in caught.value.hint


def test_a_file_that_cannot_be_read_is_named(config_file: Path, tmp_path: Path) -> None:
    config_file.write_bytes(b"theme = '\xff'")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_config(environ={})
    with pytest.raises(ConfigError, match="no such file"):
        load_config(tmp_path / "nowhere.toml", environ={})
    with pytest.raises(ConfigError, match="no such file"):
        load_config(environ={"COMFY_TUI_CONFIG": str(tmp_path / "nowhere.toml")})
    with pytest.raises(ConfigError, match="directory"):
        load_config(tmp_path, environ={})


def test_the_environment_counts_over_the_file(config_file: Path) -> None:
    config_file.write_text("interval_s = 2\ntheme = 'light'\nascii = true\n")
    environ = {
        "COMFY_TUI_INTERVAL_S": "9.5",
        "COMFY_TUI_ASCII": "no",
        "COMFY_TUI_HISTORY_ITEMS": "3",
        "COMFY_TUI_WORKFLOW_FOLDERS": os.pathsep.join(("/a", "/b")),
        "COMFY_TUI_THEME": "",
    }
    config = load_config(environ=environ)
    assert (config.interval_s, config.ascii, config.history_items) == (9.5, False, 3)
    assert (config.theme, config.workflow_folders) == ("light", (Path("/a"), Path("/b")))


@pytest.mark.parametrize(
    ("name", "value"),
    [("INTERVAL_S", "soon"), ("INTERVAL_S", "nan"), ("HISTORY_ITEMS", "1.5"), ("ASCII", "perhaps")],
)
def test_a_bad_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"^The config cannot be used: COMFY_TUI_{name}: expected"):
        load_config(environ={f"COMFY_TUI_{name}": value})


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_a_secret_that_others_can_read_is_warned_of(config_file: Path) -> None:
    text = "[servers.box]\nurl = 'box'\ntoken = 'hush'\n"
    assert write(config_file, text).warnings == ()
    config_file.chmod(0o644)
    (warning,) = load_config(environ={}).warnings
    assert "servers.box.token" in warning
    assert "chmod 600" in warning
    assert "hush" not in warning


class TestResolve:
    TEXT = """
        default_server = "box"
        [servers.box]
        url = "http://box:8188/comfy"
        token = "hush"
        [servers.other]
        url = "https://other"
        readonly = true
    """

    def resolve(
        self, config: Config, argument: str | None = None, cwd: Path = Path("/"), **environ: str
    ) -> tuple[ServerProfile, str]:
        return resolve_server(config, argument, environ, cwd, None)

    def test_the_order(self, config_file: Path, tmp_path: Path) -> None:
        config = write(config_file, self.TEXT)
        (tmp_path / "manifest.yaml").write_text("name: film\ncomfyui_url: http://film:1\n")
        both = {"COMFY_TUI_URL": "http://one:1", "COMFYUI_URL": "http://two:2"}
        found = [
            self.resolve(config, "arg:1", tmp_path, **both),
            self.resolve(config, None, tmp_path, **both),
            self.resolve(config, None, tmp_path, COMFYUI_URL="http://two:2", COMFY_TUI_URL=" "),
            self.resolve(config, None, tmp_path),
            self.resolve(config),
            self.resolve(Config()),
        ]
        assert [(profile.url, source) for profile, source in found] == [
            ("http://arg:1", "the argument"),
            ("http://one:1", "COMFY_TUI_URL"),
            ("http://two:2", "COMFYUI_URL"),
            ("http://film:1", "manifest.yaml of film"),
            ("http://box:8188/comfy", "the config's default_server"),
            ("http://127.0.0.1:8188", "the default"),
        ]

    def test_a_name_goes_before_a_url(self, config_file: Path) -> None:
        config = write(config_file, self.TEXT)
        profile, _ = self.resolve(config, "other")
        assert (profile.url, profile.readonly) == ("https://other", True)

    @pytest.mark.parametrize("url", ["http://box:8188/comfy", "HTTP://BOX:8188//comfy/?x=1#y"])
    def test_the_url_of_a_profile_has_its_credentials(self, config_file: Path, url: str) -> None:
        profile, _ = self.resolve(write(config_file, self.TEXT), url)
        assert profile.name == "box"
        assert headers(profile) == {"Authorization": "Bearer hush"}

    @pytest.mark.parametrize(
        "url",
        [
            *(
                "http://box:8188",
                "http://box:8188/comfy2",
                "http://box:8188/comfy/x",
                "https://box:8188/comfy",
            ),
            *("http://box:8189/comfy", "http://box.evil:8188/comfy", "http://xbox:8188/comfy"),
            "http://box:8188/Comfy",
        ],
    )
    def test_another_url_has_none(self, config_file: Path, url: str) -> None:
        profile, _ = self.resolve(write(config_file, self.TEXT), url)
        assert headers(profile) == {}

    def test_a_manifest_names_no_profile(self, config_file: Path, tmp_path: Path) -> None:
        (tmp_path / "manifest.yaml").write_text("comfyui_url: box\n")
        profile, _ = self.resolve(write(config_file, self.TEXT), None, tmp_path)
        assert (profile.url, headers(profile)) == ("http://box:8188", {})

    def test_credentials_in_the_url_replace_those_of_the_profile(self, config_file: Path) -> None:
        profile, _ = self.resolve(write(config_file, self.TEXT), "http://me:pw@box:8188/comfy")
        assert headers(profile) == {"Authorization": "Basic bWU6cHc="}
        assert profile.url == "http://box:8188/comfy"

    def test_a_bad_address_names_where_it_stands_and_hides_the_password(self, tmp_path: Path) -> None:
        (tmp_path / "manifest.yaml").write_text("comfyui_url: ftp://me:pw@x\n")
        with pytest.raises(ConfigError, match=r"manifest\.yaml: comfyui_url: ftp://\*\*\*@x"):
            self.resolve(Config(), None, tmp_path)
        with pytest.raises(ConfigError, match=r"COMFYUI_URL: http://\*\*\*@x y"):
            self.resolve(Config(), None, COMFYUI_URL="http://me:pw@x y")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("sh -c 'a", "No closing quotation"),
        ("systemctl restart a && echo", "sign of the shell"),
        ("a | b", "sign of the shell"),
        ("a\\nb", "one line of plain text"),
    ],
)
def test_a_restart_command_that_would_surprise_is_refused(tmp_path: Path, value: str, problem: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'[servers.box]\nurl = "box"\nrestart_command = "{value}"\n')
    with pytest.raises(ConfigError, match=problem) as raised:
        load_config(file, {})
    assert "servers.box.restart_command" in str(raised.value)


def test_a_restart_command_is_kept_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[servers.box]\nurl = "box"\nrestart_command = "ssh box \'systemctl restart a; true\'"\n')
    [server] = load_config(file, {}).servers
    assert server.restart_command == "ssh box 'systemctl restart a; true'"
