"""One check of one prompt: each node by itself, then what the graph makes of it (comfyui-api, section 5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from comfy_tui.workflow.checking.declared import Definitions
from comfy_tui.workflow.checking.files import Files
from comfy_tui.workflow.checking.graph import cycles, longest, reachable, reverse, round_trip
from comfy_tui.workflow.checking.links import Links
from comfy_tui.workflow.checking.nearest import Nearest
from comfy_tui.workflow.checking.node import NodeChecker
from comfy_tui.workflow.checking.problem import RAISES, NodeReport, Problem, is_link
from comfy_tui.workflow.checking.rules import Rules
from comfy_tui.workflow.checking.scan import MALFORMED, scan
from comfy_tui.workflow.checking.verdict import Verdict
from comfy_tui.workflow.diagnostic import Diagnostic, Severity

BREAKS_SERVER = "breaks_server"
_UNNEEDED = "No output needs this node, so the server does not look at it."
_MOST_IN_PATH = 8
# The server checks by recursion, which Python stops at 1000; its web server takes some of that.
_DEEP = 900
_CYCLE_HINT = "Remove one of these links."


class Walk:
    """One check: scan, each node by itself, then what the graph makes of it.

    Args:
        prompt: the prompt, an object of whatever.
        definitions: of the server.
        rules: of its version.
        files: those it is known to have.
    """

    def __init__(
        self, prompt: Mapping[str, Any], definitions: Definitions, rules: Rules, files: Files
    ) -> None:
        self.prompt = prompt
        self.rules = rules
        self.nearest = Nearest()
        self.scan = scan(prompt, definitions, rules, self.nearest)
        links = Links(self.scan.classes.get, prompt, rules)
        checker = NodeChecker(definitions, links, files, rules, self.nearest)
        self.reports = {node_id: self._report(checker, node_id) for node_id in prompt}
        self.outputs = {
            n: None for n, known in self.scan.classes.items() if known is not None and known.is_output
        }
        self.follows = {node_id: report.follows for node_id, report in self.reports.items()}
        self.needed = reachable(self.outputs, self.follows)

    def _report(self, checker: NodeChecker, node_id: str) -> NodeReport:
        known, inputs = self.scan.classes[node_id], self.scan.inputs[node_id]
        if node_id in self.scan.problems or known is None:
            # Of an unknown class only the links say anything: what they lead to is needed with it.
            values = inputs.values() if inputs is not None else ()
            ahead = [v[0] for v in values if is_link(v) and v[0] in self.prompt]
            return NodeReport([self.scan.problems[node_id]], ahead)
        if inputs is None and isinstance(self.prompt[node_id].get("inputs"), list):
            return checker.check(known, {})  # asked what it contains, a list has none of the inputs
        if inputs is None:
            return NodeReport(
                [Problem(RAISES, "The node has no inputs object.", hint='Give it "inputs": {}.')]
            )
        return checker.check(known, inputs)

    def verdict(self) -> Verdict:
        """What came out."""
        self._add_cycles()
        runs, skipped = self._split_outputs()
        self._add_killers(bool(runs))
        refusal = self.scan.refusal
        diagnostics = list(self._on_prompt())
        if refusal is None and not self.outputs:
            refusal = "prompt_no_outputs"
        elif refusal is None and not runs:
            refusal = "prompt_outputs_failed_validation"
        for node_id, report in self.reports.items():
            diagnostics += [self._diagnostic(node_id, problem) for problem in report.problems]
        ok = all(d.severity is not Severity.ERROR for d in diagnostics)
        needed = [report for node_id, report in self.reports.items() if node_id in self.needed]
        return Verdict(
            ok,
            tuple(diagnostics),
            refusal,
            tuple(runs),
            tuple(skipped),
            tuple(dict.fromkeys(file for report in needed for file in report.unknown_files)),
            tuple(dict.fromkeys(file for report in needed for file in report.missing_files)),
        )

    def _on_prompt(self) -> Iterator[Diagnostic]:
        if self.scan.refusal is None and not self.outputs:
            yield Diagnostic(
                Severity.ERROR,
                "prompt_no_outputs",
                "No node of the prompt is an output, so there is nothing to run.",
                hint="Add a node that saves or shows the result, such as SaveImage or PreviewImage.",
            )
        if len(self.needed) > _DEEP and (depth := longest(self.outputs, self.follows)) > _DEEP:
            yield Diagnostic(
                Severity.WARNING,
                "deep_graph",
                f"{depth} nodes hang one below the other; a server may refuse more than about {_DEEP}.",
                hint="Split the workflow.",
            )

    def _add_cycles(self) -> None:
        groups = cycles(self.prompt, self.follows)
        for group in groups:
            problem = Problem("dependency_cycle", self._cycle_words(group, self.follows), hint=_CYCLE_HINT)
            for node_id in group if self.rules.names_cycles else group[:1]:
                self.reports[node_id].problems.append(problem)
        if any(report.undeclared for report in self.reports.values()):
            self._add_hidden_cycles({node_id for group in groups for node_id in group})

    def _add_hidden_cycles(self, known: set[str]) -> None:
        edges = self._run_edges()
        for group in cycles(reachable(self.outputs, edges), edges):
            if known.isdisjoint(group):
                words = self._cycle_words(group, edges)
                hint = "It closes through an input that the class does not declare: the run fails."
                problem = Problem("dependency_cycle", words, hint=hint, severity=Severity.WARNING)
                self.reports[group[0]].problems.append(problem)

    def _cycle_words(self, group: list[str], edges: Mapping[str, list[str]]) -> str:
        way = round_trip(group, edges)
        shown = [f"{n} ({self._class_words(n)})" for n in way[:_MOST_IN_PATH]]
        if len(way) > _MOST_IN_PATH:
            shown += ["…", f"{way[-1]} ({self._class_words(way[-1])})"]
        return "The node needs its own result: " + " → ".join(shown) + "."

    def _class_words(self, node_id: str) -> str:
        known = self.scan.classes[node_id]
        return known.name if known is not None else "unknown"

    def _run_edges(self) -> dict[str, list[str]]:
        """Where the worker goes: the links that are declared, and those that are not."""
        return {
            node_id: report.follows + [source for _, source in report.undeclared if source in self.prompt]
            for node_id, report in self.reports.items()
        }

    def _split_outputs(self) -> tuple[list[str], list[str]]:
        if self.scan.refusal is not None:
            return [], list(self.outputs)
        bad = {
            node_id
            for node_id, report in self.reports.items()
            if any(problem.severity is Severity.ERROR for problem in report.problems)
        }
        spoiled = reachable(bad, reverse(self.follows))
        return [n for n in self.outputs if n not in spoiled], [n for n in self.outputs if n in spoiled]

    def _add_killers(self, something_runs: bool) -> None:
        """What the check of the server lets through and its worker dies of (comfyui-api, section 5.8)."""
        reached = reachable(self.outputs, self._run_edges())
        for node_id, report in self.reports.items():
            if node_id in self.scan.problems:
                continue
            if self.scan.inputs[node_id] is None and (something_runs or node_id not in self.needed):
                if node_id not in self.needed:
                    report.problems.clear()
                report.problems.append(
                    _killer("The node has no inputs object.", None, 'Give it "inputs": {}.')
                )
            for name, source in report.undeclared:
                if node_id in reached and source not in self.prompt:
                    words = f"{name} is linked to node {source}, which is not in the prompt."
                    report.problems = [p for p in report.problems if p.input != name]
                    report.problems.append(_killer(words, name, "Remove the link."))

    def _diagnostic(self, node_id: str, problem: Problem) -> Diagnostic:
        severity, hint = problem.severity, problem.hint
        always = problem.code in (BREAKS_SERVER, MALFORMED, self.rules.missing_class)
        if not always and node_id not in self.needed:
            severity, hint = (Severity.WARNING if severity is Severity.ERROR else severity), _UNNEEDED
        code = problem.code
        if code == RAISES:
            code = (
                "exception_during_validation"
                if node_id in self.outputs
                else "exception_during_inner_validation"
            )
        return Diagnostic(
            severity,
            code,
            problem.message,
            str(node_id),
            self._title(node_id),
            self._class_type(node_id),
            problem.input,
            problem.suggestions,
            hint,
        )

    def _title(self, node_id: str) -> str | None:
        node = self.prompt[node_id]
        meta = node.get("_meta") if isinstance(node, Mapping) else None
        title = meta.get("title") if isinstance(meta, Mapping) else None
        return title if isinstance(title, str) and title else None

    def _class_type(self, node_id: str) -> str | None:
        node = self.prompt[node_id]
        class_type = node.get("class_type") if isinstance(node, Mapping) else None
        return class_type if isinstance(class_type, str) else None


def _killer(words: str, name: str | None, hint: str) -> Problem:
    message = f"{words} The server's check misses it and its worker would die of it."
    return Problem(BREAKS_SERVER, message, name, hint=hint + " The prompt is not sent as it is.")
