"""The check against real servers' verdicts, where the team's ../shared folder is present."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from comfy_tui.workflow.checking import BREAKS_SERVER, Verdict, check
from comfy_tui.workflow.diagnostic import Severity

SHARED = Path(__file__).resolve().parents[3] / "shared"
pytestmark = pytest.mark.skipif(
    not SHARED.is_dir(), reason="needs ../shared: recordings and verdicts of real servers"
)

# The codes that the node definitions alone decide (the scorer's list).
STATIC = {
    "required_input_missing",
    "value_not_in_list",
    "value_smaller_than_min",
    "value_bigger_than_max",
    "bad_linked_input",
    "return_type_mismatch",
    "invalid_input_type",
}
VALIDATORS = "the node's own Python code decides"
UNDECIDABLE = {
    **{
        f"custom_validation_{name}": VALIDATORS
        for name in (
            "false",
            "kwargs",
            "plus_type_error",
            "raises",
            "skips_combo_check",
            "skips_range_check",
            "string",
        )
    },
    "v3_validate_inputs_skips_combo": VALIDATORS,
    "v3_validate_inputs_string": VALIDATORS,
    "input_types_broken_node": "the class is broken and left out of object_info",
    "node_replacement": "node replacements are not in object_info",
    "node_replacement_missing_old_input": "node replacements are not in object_info",
    "node_replacement_without_meta": "node replacements are not in object_info",
    "extra_data_list": "not about the prompt",
    "extra_data_null_with_client": "not about the prompt",
}
ONLY_OLD = {
    "any_input_from_image": "old servers compare * by the class's Python code",
    "any_output_into_image": "old servers compare * by the class's Python code",
    "dependency_cycle": "old servers name no node of a cycle",
    "self_cycle": "old servers name no node of a cycle",
}


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def object_info(version: str) -> dict[str, Any]:
    core = {"0.26.0": "truth/object_info-0.26.0.json"}.get(version, f"recordings/{version}/object_info.json")
    return {**read(SHARED / core), **read(SHARED / "recordings" / version / "object_info_probe_nodes.json")}


def errors(verdict: Verdict) -> set[tuple[str | None, str, str | None]]:
    return {
        (d.node_id, d.code, d.input)
        for d in verdict.diagnostics
        if d.severity is Severity.ERROR and d.code != BREAKS_SERVER
    }


def above_exceptions(prompt: Any, theirs: set[Any]) -> set[str]:
    """The nodes above one that the server gave up on.

    It then does not look at that node's other inputs, in the order of a Python set, which changes
    with every start of a server: what is wrong above it is named or not by chance.
    """
    pending = [node_id for node_id, code, _ in theirs if code.startswith("exception")]
    found: set[str] = set()
    while pending:
        for value in (prompt[pending.pop()].get("inputs") or {}).values():
            source = value[0] if isinstance(value, list) and len(value) == 2 else None
            if isinstance(source, str) and source in prompt and source not in found:
                found.add(source)
                pending.append(source)
    return found


def recordings(version: str) -> list[dict[str, Any]]:
    found = [
        read(path) for path in sorted((SHARED / "recordings" / version / "prompt_errors").glob("*.json"))
    ]
    about = {"prompt", "client_id", "extra_data", "front"}
    return [
        r
        for r in found
        if isinstance(r["request"], dict) and "prompt" in r["request"] and set(r["request"]) <= about
    ]


def answered(response: Any) -> set[tuple[str, str, str | None]]:
    """The server's node errors; an exception's input is the consumer's, so it is left out."""
    entries = response.get("node_errors", {}) if isinstance(response, dict) else {}
    return {
        (node_id, e["type"], None if e["type"].startswith("exception") else e["extra_info"].get("input_name"))
        for node_id, entry in entries.items()
        for e in entry["errors"]
    }


@pytest.mark.parametrize("version", ["0.3.64", "0.26.0"])
def test_recorded_answers(version: str) -> None:
    info = object_info(version)
    skipped = UNDECIDABLE | (ONLY_OLD if version == "0.3.64" else {})
    cases = [case for case in recordings(version) if case["kind"] not in skipped]
    assert len(cases) > 80
    for case in cases:
        verdict = check(case["request"]["prompt"], info, version=version)
        response = case["response"]
        refusal = "malformed_prompt" if case["status"] == 500 else response.get("error", {}).get("type")
        assert verdict.refusal == refusal, case["kind"]
        if refusal in (None, "prompt_outputs_failed_validation"):
            mine = {(n, c, None if c.startswith("exception") else i) for n, c, i in errors(verdict)}
            assert mine == answered(response), case["kind"]


@pytest.mark.parametrize("version", ["0.3.64", "0.26.0"])
def test_what_failed_when_it_ran_had_a_warning(version: str) -> None:
    info = object_info(version)
    for kind in ("link_input_literal", "link_input_null"):
        case = read(SHARED / "recordings" / version / "prompt_errors" / f"{kind}.json")
        verdict = check(case["request"]["prompt"], info, version=version)
        assert verdict.ok
        assert [d.code for d in verdict.diagnostics] == ["literal_for_link"]


@pytest.mark.parametrize("version", ["0.3.64", "0.26.0"])
def test_worker_killers(version: str) -> None:
    info = object_info(version)
    cases = read(SHARED / "recordings" / version / "worker_killers.json")
    for name, case in cases.items():
        if case["request"] is None or set(case["request"]) != {"prompt"}:
            continue
        verdict = check(case["request"]["prompt"], info, version=version)
        codes = {d.code for d in verdict.diagnostics if d.severity is Severity.ERROR}
        died = case["worker_alive_afterwards"] is not True
        expected = {BREAKS_SERVER} if died else {"malformed_prompt"} if case["status"] == 500 else set()
        assert codes == expected, name


def test_verdicts_of_a_real_server() -> None:
    info = read(SHARED / "truth" / "object_info-0.26.0.json")
    for number, case in enumerate(read(SHARED / "truth" / "validation.json")):
        verdict, answer = check(case["prompt"], info), case["verdict"]
        mine, theirs = errors(verdict), {tuple(entry) for entry in answer["nodes"]}
        assert verdict.refusal == answer["error"], number
        assert bool(mine) == (answer["status"] != 200 or bool(theirs)), number
        if answer["error"] in ("missing_node_type", "prompt_no_outputs"):
            continue
        opaque = {node_id for node_id, code, _ in theirs if code not in STATIC}
        missed, invented = (
            {e for e in side if e[1] in STATIC and e[0] not in opaque}
            for side in (theirs - mine, mine - theirs)
        )
        assert not missed, number
        by_chance = above_exceptions(case["prompt"], theirs)
        assert not {entry for entry in invented if entry[0] not in by_chance}, number
