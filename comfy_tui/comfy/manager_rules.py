"""What a Manager allows, and how its refusals look (manager-and-models, section 2.4)."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Sequence
from enum import StrEnum

from comfy_tui.comfy.http import WEB_PAGE
from comfy_tui.comfy.manager import Manager
from comfy_tui.errors import Refused

#: What a Manager of version 3 says instead of a reason.
SECURITY_TEXT = "A security error has occurred"
_NOT_LISTED = "Invalid model install request"
_LEVEL_PLACE = "security_level in the Manager's config.ini"


class Action(StrEnum):
    """What a Manager is asked to do, as far as its rules tell it apart."""

    INSTALL_VERSION = "install a pack from the registry"
    INSTALL_GIT = "install a pack from its git repository"
    INSTALL_MODEL = "install a model"
    RESTART = "restart ComfyUI"


class Allowed(StrEnum):
    """Whether the Manager will do it, as far as known before it is asked: no route tells its level."""

    BY_DEFAULT = "allowed unless the level was raised"
    DOUBTFUL = "probably refused"
    NO = "not possible"


def needs_loopback(manager: Manager, action: Action) -> bool:
    """Whether the rule (``middle+``) asks that ComfyUI listens on its own machine only."""
    if manager.generation == 3 or action is Action.RESTART:
        return False
    return action is not Action.INSTALL_VERSION or manager.release < (4, 3)


def rule_for(manager: Manager, action: Action) -> str:
    """The Manager's rule in a person's words."""
    rule = f"The Manager {manager.version} does this unless {_LEVEL_PLACE} is strong"
    if needs_loopback(manager, action):
        rule += ", and only where ComfyUI listens on loopback or network_mode is personal_cloud"
    if action is Action.INSTALL_GIT and (manager.generation == 3 or manager.legacy_ui):
        rule += "; a repository that its list lacks also needs allow_git_url_install and loopback"
    elif action is Action.INSTALL_MODEL and (manager.generation == 3 or manager.legacy_ui):
        rule += "; the model must be on its list"
    return rule + "."


def foresee(manager: Manager, action: Action, argv: Sequence[str]) -> Allowed:
    """Whether it will do it, from the arguments that the server was started with."""
    if needs_loopback(manager, action) and listens_beyond(argv):
        return Allowed.DOUBTFUL
    return Allowed.BY_DEFAULT


def listens_beyond(argv: Sequence[str]) -> bool:
    """Whether ComfyUI's ``--listen`` is not one loopback address, judged on the literal text."""
    given: str | None = None
    for number, word in enumerate(argv):
        if word == "--listen":
            following = argv[number + 1 : number + 2]
            given = following[0] if following and not following[0].startswith("-") else "0.0.0.0"
        elif word.startswith("--listen="):
            given = word.partition("=")[2]
    if given is None:
        return False
    try:
        return not ipaddress.ip_address(given).is_loopback
    except ValueError:
        return given != "localhost"


def explain(error: Refused, manager: Manager, action: Action) -> Refused:
    """The Manager's refusal with its rule and what to do instead; other refusals as they are."""
    if error.said == WEB_PAGE or error.status == 401:
        return error
    code = _code(error.said)
    title, what = "The Manager does not allow this", rule_for(manager, action)
    hint = instead(action)
    if code == "comfyui_outdated":
        what = "This ComfyUI is too old for the Manager: it installs nothing until ComfyUI is updated."
        hint = "Update ComfyUI on the machine, or run the install command there."
    elif code == "allow_git_url_install":
        what = "It installs from a git address only where allow_git_url_install is on and ComfyUI is local."
    elif "request is banned" in error.said:
        what = "Several machines talk to a ComfyUI that listens on loopback: it bans such requests."
    elif _NOT_LISTED in error.said:
        what = "The Manager installs only models of its own list, and this one is not on it."
    elif error.status == 400:
        title, what = "The Manager cannot do this", error.said[:200] or error.message
    elif error.status == 404 and SECURITY_TEXT in error.said:
        what = "The repository is not on the Manager's list: it needs allow_git_url_install and loopback."
    elif error.status in (404, 405):
        title, what = "The Manager has no such route", error.message
    elif error.status != 403:
        return error
    return Refused(title, what, hint, status=error.status, said=error.said)


def instead(action: Action) -> str:
    """What a person can do where the Manager does not."""
    if action is Action.RESTART:
        return "Restart ComfyUI on its machine, as it was started."
    return "Run the command on the machine, in ComfyUI's folder; it does not ask the Manager's level."


def _code(said: str) -> str:
    try:
        answer = json.loads(said)
    except ValueError:
        return ""
    found = answer.get("error") if isinstance(answer, dict) else None
    return found if isinstance(found, str) else ""
