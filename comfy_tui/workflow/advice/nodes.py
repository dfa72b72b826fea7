"""Advice for node classes that the server lacks (manager-and-models, sections 1.1, 5 and 7)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from comfy_tui.workflow.advice.commands import install_commands, pack_link, safe_url, update_commands
from comfy_tui.workflow.advice.knowledge import InstalledPack, Knowledge
from comfy_tui.workflow.advice.packs import PackMap
from comfy_tui.workflow.advice.saved import Saved
from comfy_tui.workflow.advice.types import Advice, AdviceKind, Origin, Pack
from comfy_tui.workflow.conversion.packs import kind_of_type
from comfy_tui.workflow.diagnostic import Severity

UPDATE_COMMANDS = ("comfy update comfy", "git pull && pip install -r requirements.txt")
_UPDATE_LINK = "https://docs.comfy.org/installation/update_comfyui"
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_NUMBERS = re.compile(r"\d+")
_MOST_OTHERS = 5


@dataclass(frozen=True, slots=True)
class MissingClass:
    """A class that the server lacks, with the nodes that are of it."""

    name: str
    nodes: tuple[str, ...]
    severity: Severity


def version_of(text: str | None) -> tuple[int, ...]:
    """A version as numbers to compare; empty where it is none."""
    return tuple(int(number[:9]) for number in _NUMBERS.findall((text or "").split("+")[0])[:4])


def advise_nodes(missing: Sequence[MissingClass], saved: Saved, knowledge: Knowledge) -> list[Advice]:
    """A piece of advice for each missing class; classes that one pack or one update brings are joined."""
    names = [one.name for one in missing]
    found = [_advise(one, names, saved, knowledge) for one in missing]
    return list(_joined(found))


def _advise(one: MissingClass, names: Sequence[str], saved: Saved, knowledge: Knowledge) -> Advice:
    return (
        _no_class(one)
        or _replacement(one, knowledge)
        or _core(one, saved, knowledge)
        or _named(one, names, saved, knowledge)
        or _mapped(one, names, knowledge.manager_map, Origin.MANAGER, knowledge)
        or _mapped(one, names, knowledge.cached_map, Origin.CACHED_MAP, knowledge)
        or _registered(one, knowledge)
        or _unknown(one, knowledge)
    )


def _no_class(one: MissingClass) -> Advice | None:
    """Names that no pack has: nodes of the browser, subgraphs and groups (section 1.1)."""
    if kind_of_type(one.name) is not None:
        message = f"{one.name} is a node of the browser, which a server never has. Export the workflow again."
    elif _UUID.fullmatch(one.name):
        message = f"The subgraph {one.name} is not in the file. Save the workflow again where it opens."
    elif one.name.startswith(("workflow>", "workflow/")):
        message = f"{one.name} is a group of nodes that is not in the file. Save it again where it opens."
    else:
        return None
    return Advice(
        AdviceKind.FIND_NODE, one.name, one.severity, message, Origin.WORKFLOW, one.nodes, (one.name,)
    )


def _replacement(one: MissingClass, knowledge: Knowledge) -> Advice | None:
    found = knowledge.replacements.get(one.name)
    if found is None:
        return None
    if knowledge.object_info is not None and found.new_class not in knowledge.object_info:
        return None
    return Advice(
        AdviceKind.REPLACE_NODE,
        one.name,
        one.severity,
        f"The server replaces {one.name} by {found.new_class}.",
        Origin.SERVER,
        one.nodes,
        (one.name,),
        replacement=found.new_class,
    )


def _core(one: MissingClass, saved: Saved, knowledge: Knowledge) -> Advice | None:
    """ComfyUI's own classes are tested first: many of their names are also claimed by packs."""
    if one.name in saved.core:
        origin = Origin.WORKFLOW
    elif one.name in saved.packs:
        return None
    elif one.name in knowledge.catalogue.core:
        origin = Origin.CATALOGUE
    elif knowledge.manager_map is not None and one.name in knowledge.manager_map.core:
        origin = Origin.MANAGER
    elif knowledge.cached_map is not None and one.name in knowledge.cached_map.core:
        origin = Origin.CACHED_MAP
    else:
        return None
    seen = {*saved.core.get(one.name, ()), *knowledge.catalogue.core.get(one.name, ())}
    return _update(one, seen, origin, knowledge.version)


def _update(one: MissingClass, seen: Iterable[str], origin: Origin, has: str | None) -> Advice:
    """What a workflow was made with is no proof, but the least version above the server's is a good hint."""
    newer = sorted((v for v in seen if version_of(v) > version_of(has)), key=version_of)
    needs = newer[0] if newer else None
    message = f"{one.name} is a node of ComfyUI itself"
    if needs and has:
        message += f", seen with ComfyUI {needs}; the server has {has}. Update ComfyUI."
    elif needs:
        message += f", seen with ComfyUI {needs}. Update ComfyUI."
    elif has and seen:
        message += f", but the server ({has}) does not have it. See in its log whether it failed to load."
    else:
        message += ", and the server does not have it. Update ComfyUI."
    return Advice(
        AdviceKind.UPDATE_COMFYUI,
        one.name,
        one.severity,
        message,
        origin,
        one.nodes,
        (one.name,),
        has=has,
        needs=needs,
        commands=UPDATE_COMMANDS,
        link=_UPDATE_LINK,
    )


def _named(one: MissingClass, names: Sequence[str], saved: Saved, knowledge: Knowledge) -> Advice | None:
    """The pack that the workflow names. A repository that nobody else knows is not to be run unread."""
    pack = saved.packs.get(one.name)
    if pack is None:
        return None
    there = _installed(pack, knowledge.installed)
    if there is not None:
        return _broken(one, pack, there, Origin.WORKFLOW)
    doubt = ""
    if pack.id is None:
        known = _known_to_maps(one.name, names, knowledge)
        if not any(_same_repository(pack.repository, other.repository) for other in known):
            doubt = "only the workflow names this repository, and a pack runs its own code on the server"
        pack = next((k for k in known if k.id and _same_repository(pack.repository, k.repository)), pack)
    return _install(one, replace(pack, version=None), Origin.WORKFLOW, needs=pack.version, doubt=doubt)


def _known_to_maps(name: str, names: Sequence[str], knowledge: Knowledge) -> list[Pack]:
    maps = [known for known in (knowledge.manager_map, knowledge.cached_map) if known is not None]
    found = [pack for known in maps for pack in known.find(name, names)]
    return found + [answer.pack for answer in knowledge.registry.get(name, ())]


def _mapped(
    one: MissingClass, names: Sequence[str], known: PackMap | None, origin: Origin, knowledge: Knowledge
) -> Advice | None:
    packs = known.find(one.name, names) if known is not None else ()
    if known is None or not packs:
        return None
    there = next((p for p in packs if _installed(p, knowledge.installed) is not None), None)
    if there is not None:
        found = _installed(there, knowledge.installed)
        return _broken(one, there, found, origin) if found is not None else None
    others = packs[1:]
    doubt = ""
    if others and not known.is_settled(one.name):
        listed = ", ".join(pack.name for pack in others[:_MOST_OTHERS])
        doubt = f"other packs have a node of this name too: {listed}"
    return _install(one, packs[0], origin, others=others[:_MOST_OTHERS], doubt=doubt)


def _registered(one: MissingClass, knowledge: Knowledge) -> Advice | None:
    answers = [answer for answer in knowledge.registry.get(one.name, ()) if answer.active]
    if not answers:
        return None
    pack = answers[0].pack
    there = _installed(pack, knowledge.installed)
    if there is not None:
        return _broken(one, pack, there, Origin.REGISTRY)
    others = tuple(answer.pack for answer in answers[1 : 1 + _MOST_OTHERS])
    return _install(one, replace(pack, version=None), Origin.REGISTRY, others=others)


def _install(
    one: MissingClass,
    pack: Pack,
    origin: Origin,
    *,
    needs: str | None = None,
    others: tuple[Pack, ...] = (),
    doubt: str = "",
) -> Advice:
    return Advice(
        AdviceKind.INSTALL_PACK,
        pack.name,
        one.severity,
        f"{one.name} is in the pack {pack.name}, which the server does not have.",
        origin,
        one.nodes,
        (one.name,),
        pack=pack,
        others=others,
        needs=needs,
        commands=install_commands(pack),
        link=pack_link(pack),
        doubt=doubt,
    )


def _broken(one: MissingClass, pack: Pack, there: InstalledPack, origin: Origin) -> Advice:
    """The pack is there and the class is not: it did not load, is disabled, or is too old or too new."""
    pack = replace(pack, id=pack.id or there.id)
    message = f"The server has the pack {pack.name}, but not its node {one.name}"
    older = version_of(there.version) < version_of(pack.version) and "." in (pack.version or "")
    if not there.enabled:
        message += ": the pack is disabled."
    elif older:
        message += f": it has {there.version}, the workflow was made with {pack.version}. Update the pack."
    else:
        message += ". See in the server's log whether the pack failed to load; else update it."
    return Advice(
        AdviceKind.UPDATE_PACK,
        pack.name,
        one.severity,
        message,
        origin,
        one.nodes,
        (one.name,),
        pack=pack,
        has=there.version,
        needs=pack.version if older else None,
        commands=update_commands(pack),
        link=pack_link(pack),
    )


def _unknown(one: MissingClass, knowledge: Knowledge) -> Advice:
    asked = [origin.value for origin, known in _asked(knowledge).items() if known]
    message = f"No source that was asked knows the node {one.name}"
    message += f" ({', '.join(asked)})." if asked else "; the registry is asked only where you allow it."
    search = quote(f'"{one.name[:100]}"', safe="", errors="replace")
    return Advice(
        AdviceKind.FIND_NODE,
        one.name,
        one.severity,
        message,
        Origin.NOBODY,
        one.nodes,
        (one.name,),
        link=safe_url(f"https://github.com/search?type=code&q={search}"),
    )


def _asked(knowledge: Knowledge) -> Mapping[Origin, object]:
    return {
        Origin.MANAGER: knowledge.manager_map,
        Origin.CACHED_MAP: knowledge.cached_map,
        Origin.REGISTRY: knowledge.registry,
    }


def _installed(pack: Pack, installed: tuple[InstalledPack, ...] | None) -> InstalledPack | None:
    """The pack among those of the server: by id, by repository, or by the folder that it is cloned to."""
    folder = (pack.repository or "").rstrip("/").rsplit("/", 1)[-1].removesuffix(".git").lower()
    for there in installed or ():
        if pack.id and pack.id.lower() in ((there.id or "").lower(), there.name.lower()):
            return there
        if pack.repository and _same_repository(pack.repository, there.repository):
            return there
        if folder and there.repository is None and there.name.lower() == folder:
            return there
    return None


def _same_repository(one: str | None, other: str | None) -> bool:
    def plain(url: str) -> str:
        return url.rstrip("/").removesuffix(".git").removeprefix("https://").lower()

    return bool(one and other and plain(one) == plain(other))


def _joined(found: Sequence[Advice]) -> Iterable[Advice]:
    """One piece of advice a pack, and one update of ComfyUI for the newest version that is needed."""
    groups: dict[tuple[object, ...], list[Advice]] = {}
    for number, advice in enumerate(found):
        if advice.kind is AdviceKind.UPDATE_COMFYUI:
            key: tuple[object, ...] = (advice.kind, advice.needs is None and advice.has is not None)
        elif advice.kind in (AdviceKind.INSTALL_PACK, AdviceKind.UPDATE_PACK) and advice.pack:
            key = (advice.kind, advice.pack.id or advice.pack.repository)
        else:
            key = (number,)
        groups.setdefault(key, []).append(advice)
    return (_join(group) for group in groups.values())


def _join(group: Sequence[Advice]) -> Advice:
    first = group[0]
    if len(group) == 1:
        return first
    if first.kind is AdviceKind.UPDATE_COMFYUI:
        first = max(group, key=lambda advice: version_of(advice.needs))
    classes = tuple(dict.fromkeys(name for advice in group for name in advice.classes))
    rest = [name for name in classes if name not in first.classes]
    severity = Severity.ERROR if any(a.severity is Severity.ERROR for a in group) else first.severity
    return replace(
        first,
        severity=severity,
        message=f"{first.message} The same goes for {', '.join(rest)}.",
        nodes=tuple(dict.fromkeys(node for advice in group for node in advice.nodes)),
        classes=classes,
        # A pack that one class settles needs no second look for the others.
        doubt="" if any(not advice.doubt for advice in group) else first.doubt,
        others=() if any(not advice.doubt for advice in group) else first.others,
    )
