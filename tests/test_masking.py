"""What never leaves the console: keys, tokens, passwords, people's home folders."""

from __future__ import annotations

import time

import pytest

from comfy_tui.masking import mask_text, mask_value, without_homes

SECRET = "s3cr3tValue0123456789"
TEXTS = [
    f"Authorization: Bearer {SECRET}",
    f"{{'Authorization': 'Token {SECRET}'}}",
    f'{{"authorization": "Basic {SECRET}", "x": 1}}',
    f"Bearer {SECRET}",
    f"https://user:{SECRET}@box.example/a?b=1",
    f"https://{SECRET}@box.example/a",
    f"https://civitai.com/api/download/models/1?type=Model&token={SECRET}",
    f"https://box/view?X-Amz-Signature={SECRET}&x=1",
    f'{{"api_key_comfy_org": "{SECRET}"}}',
    f"api_key={SECRET}",
    f"HF_TOKEN={SECRET}",
    f"OPENAI_API_KEY: {SECRET}",
    f"password = '{SECRET} with words'",
    f"Cookie: session={SECRET}; a=b",
    f"hf_{SECRET}",
    f"sk-proj-{SECRET}",
    f"ghp_{SECRET}",
    f"github_pat_{SECRET}",
    f"AKIA{SECRET}",
    f"eyJhbGciOiJI.eyJ{SECRET}.{SECRET}",
    f"https://hooks.slack.com/services/T0/B0/{SECRET}",
    f"https://discord.com/api/webhooks/1/{SECRET}",
    f"-----BEGIN RSA PRIVATE KEY-----\nMII{SECRET}\n-----END RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_secret_in_a_text(text: str) -> None:
    assert SECRET not in mask_text(f"before {text}\nafter")
    assert mask_text(f"before {text}\nafter").endswith("\nafter")


@pytest.mark.parametrize(
    "text",
    [
        "a monkey = banana, keyframes: 12, max_tokens=77",
        "mat1 and mat2 shapes cannot be multiplied (77x768 and 1024x320)",
        "https://box.example:8188/view?filename=a.png&type=output",
        "/models/checkpoints/sk-model.safetensors",
        "comfyui-workflow-templates: 0.1.95, hf_transfer_is_enabled, pk-something-or-other",
        "user@host wrote to me@example.org",
        'File "/opt/ComfyUI/nodes.py", line 12, in run',
    ],
)
def test_a_text_without_one_stays(text: str) -> None:
    assert mask_text(text) == text


def test_secrets_inside_values() -> None:
    value = {"a": [{"apiKey": SECRET, "seed": 5}], "url": f"https://u:{SECRET}@box/", "n": 1.5, "l": ["4", 0]}
    assert mask_value(value) == {
        "a": [{"apiKey": "***", "seed": 5}],
        "url": "https://***@box/",
        "n": 1.5,
        "l": ["4", 0],
    }
    assert mask_value(SECRET, "token") == "***"
    assert mask_value("", "token") == ""


def test_home_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/srv/people/ann")
    text = (
        "/srv/people/ann/x /home/bob/ComfyUI/nodes.py '/Users/eve' C:\\Users\\Max\\a.py /root/ComfyUI /rooted"
    )
    assert without_homes(text) == "~/x ~/ComfyUI/nodes.py '~' ~\\a.py ~/ComfyUI /rooted"


def test_long_texts_do_not_take_long() -> None:
    # Patterns that look back again and again would take minutes here.
    for part in (
        "token=",
        "a:",
        "Bearer ",
        "://",
        "eyJ",
        "-----BEGIN PRIVATE KEY-----",
        "key ",
        "_key",
        "x_",
    ):
        began = time.process_time()
        mask_text(part * 60_000)
        assert time.process_time() - began < 5, part


def test_a_key_of_the_api_nodes() -> None:
    assert mask_text("key comfyui-0123456789abcdef0123456789abcdef end") == "key *** end"


def test_a_long_row_of_beginnings_is_read_once() -> None:
    # Each of them looked for its digit as far as the text went: three minutes.
    text = "sk-" * 66_000
    assert mask_text(text) == text
