"""What an install by a server's Manager would be, before anybody is asked to agree to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.manager import Manager
from comfy_tui.comfy.manager_queue import ModelTask, PackTask
from comfy_tui.comfy.manager_rules import Action, Allowed, foresee, instead, rule_for
from comfy_tui.workflow.advice import Advice, AdviceKind, Pack
from comfy_tui.workflow.advice.commands import is_of, pack_link, safe_id, safe_path, safe_url, safe_version
from comfy_tui.workflow.advice.models import read_model_list

#: Hosts that the Manager reads piece by piece; of others it takes whole files into memory (section 2.1).
_STREAMED = ("huggingface.co", "github.com", "heibox.uni-heidelberg.de")
_NOT_FOR_MODELS = ("custom_nodes", "configs")


@dataclass(frozen=True, slots=True)
class InstallPlan:
    """What a person is asked to agree to. Texts of workflows and servers stand in it as they are.

    Attributes:
        advice: what it answers.
        manager: who would do it.
        action: the kind of thing that is done, as the rules see it.
        what: the pack or the file.
        source: where it comes from: an address.
        version: of a pack; empty for a model.
        target: where it goes on the server.
        rule: the Manager's security rule, in words.
        allowed: whether it will be done, as far as known.
        why_not: why it is not possible, where that is known; the way around is in ``advice.commands``.
        notes: what else to know before agreeing.
        task: what is asked of the Manager; None where it is not possible.
    """

    advice: Advice
    manager: Manager
    action: Action
    what: str
    source: str
    version: str
    target: str
    rule: str
    allowed: Allowed = Allowed.BY_DEFAULT
    why_not: str = ""
    notes: tuple[str, ...] = ()
    task: PackTask | ModelTask | None = None

    @property
    def possible(self) -> bool:
        """Whether it is worth to ask."""
        return self.task is not None and self.allowed is not Allowed.NO

    @property
    def needs_restart(self) -> bool:
        """Whether it counts only after a restart."""
        return isinstance(self.task, PackTask)

    @property
    def instead(self) -> str:
        """What to do where it is not possible."""
        return instead(self.action)


def can_install(advice: Advice) -> bool:
    """Whether a Manager can be asked at all for what this advice is about."""
    return advice.kind in (AdviceKind.INSTALL_PACK, AdviceKind.DOWNLOAD_MODEL)


async def make_plan(
    client: ComfyClient, manager: Manager, advice: Advice, version: str | None = None
) -> InstallPlan:
    """Find out what an install would be; changes nothing.

    Args:
        client: the server.
        manager: its Manager.
        advice: of a kind that :func:`can_install` takes.
        version: of a pack; the advice's, else the latest.

    Raises:
        ApiError: the server does not answer.
        ValueError: the advice is of another kind.
    """
    if advice.kind is AdviceKind.INSTALL_PACK and advice.pack is not None:
        plan = _pack_plan(manager, advice, advice.pack, version)
    elif advice.kind is AdviceKind.DOWNLOAD_MODEL:
        listed = None
        if manager.generation == 3 or manager.legacy_ui:
            listed = await client.model_list(manager) or {}
        plan = _model_plan(manager, advice, listed)
    else:
        raise ValueError(f"nothing to install: {advice.kind}")
    if advice.doubt:
        plan = replace(plan, notes=(*plan.notes, f"Look first: {advice.doubt}."))
    return await _foreseen(client, plan)


async def _foreseen(client: ComfyClient, plan: InstallPlan) -> InstallPlan:
    if not plan.possible:
        return replace(plan, allowed=Allowed.NO)
    if client.readonly:
        return _impossible(plan, "Read-only: the console does not change this server.")
    outdated = [text for text in await client.manager_alerts(plan.manager) if "outdated" in text.lower()]
    if outdated:
        return _impossible(plan, "The Manager installs nothing: " + outdated[0])
    stats = await client.system_stats()
    allowed = foresee(plan.manager, plan.action, stats.argv)
    if allowed is Allowed.DOUBTFUL:
        note = "This ComfyUI listens beyond loopback: the Manager will refuse, except as a personal_cloud."
        plan = replace(plan, notes=(note, *plan.notes))
    return replace(plan, allowed=allowed)


def _impossible(plan: InstallPlan, why_not: str) -> InstallPlan:
    return replace(plan, task=None, allowed=Allowed.NO, why_not=why_not)


def _pack_plan(manager: Manager, advice: Advice, pack: Pack, version: str | None) -> InstallPlan:
    registry_id = safe_id(pack.id)
    repository = safe_url(pack.repository)
    wanted = version or safe_version(pack.version) or "latest"
    if wanted not in ("latest", "nightly") and not safe_version(wanted):
        raise ValueError(f"not a version: {wanted}")
    task = PackTask(registry_id, wanted, repository)
    if registry_id is None:
        task = replace(task, version="unknown")
    plan = InstallPlan(
        advice,
        manager,
        task.action,
        pack.name,
        (pack_link(pack) if task.action is Action.INSTALL_VERSION else repository) or "",
        task.version,
        "custom_nodes",
        rule_for(manager, task.action),
        notes=("A pack is a program: it runs on the server with all of ComfyUI's rights.",),
        task=task,
    )
    if registry_id is None and repository is None:
        return _impossible(plan, "Neither its id in the registry nor its repository is known.")
    if task.version == "nightly" and repository is None:
        return _impossible(plan, "Its repository is not known, and nightly comes from there.")
    if registry_id is None and manager.keeps_history:
        return _impossible(
            plan, f"The Manager {manager.version} installs only what the registry has an id for."
        )
    return plan


def _model_plan(manager: Manager, advice: Advice, listed: Mapping[str, Any] | None) -> InstallPlan:
    place = safe_path(advice.folder, advice.what) if advice.folder else None
    url = safe_url(advice.url) or ""
    plan = InstallPlan(
        advice,
        manager,
        Action.INSTALL_MODEL,
        place[1] if place else advice.what,
        url,
        "",
        f"models/{place[0]}" if place else "",
        rule_for(manager, Action.INSTALL_MODEL),
    )
    if place is None or place[0].partition("/")[0] in _NOT_FOR_MODELS:
        return _impossible(plan, "In which folder of models it belongs is not known.")
    folder, name = place
    if listed is None:
        if not url:
            return _impossible(plan, "Where the file can be had is not known.")
        task = ModelTask(name, folder.partition("/")[0], "", folder, name, url)
    else:
        found = _listed_task(listed, folder, name)
        if found is None:
            return _impossible(plan, "The Manager installs only models of its own list; this is not on it.")
        task = found
        if url and safe_url(task.url) != url:
            plan = replace(plan, notes=(f"The Manager's list has it from elsewhere than {url}.",))
    notes = (*plan.notes, *_notes_on(task.url, advice))
    return replace(plan, source=task.url, notes=notes, task=task)


def _listed_task(listed: Mapping[str, Any], folder: str, name: str) -> ModelTask | None:
    """The entry of the Manager's list for this very file in this very folder (section 2.3)."""
    entries = listed.get("models")
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, Mapping) or entry.get("filename") != name:
            continue
        for source in read_model_list({"models": [entry]}):
            where = "/".join(part for part in (source.folder, source.subfolder) if part)
            texts = [entry.get(key) for key in ("name", "type", "base", "save_path")]
            if where == folder and source.url and all(isinstance(text, str) for text in texts):
                title, kind, base, path = map(str, texts)
                return ModelTask(title, kind, base, path, name, str(entry["url"]))
    return None


def _notes_on(url: str, advice: Advice) -> list[str]:
    host = urlsplit(url).hostname or ""
    notes = ["The Manager tells no progress of a download, and does not resume a broken one."]
    if not any(is_of(host, known) for known in _STREAMED):
        notes.append(f"From {host} it reads the whole file into the server's memory before it writes it.")
    elif is_of(host, "huggingface.co"):
        notes.append("It sends no token: a gated repository fails.")
    if advice.sha256:
        notes.append("It does not compare the checksum.")
    return notes
