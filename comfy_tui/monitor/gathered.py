"""The outputs of a server's jobs, made once for each job, with the texts that a filter looks in."""

from __future__ import annotations

from collections.abc import Iterable

from comfy_tui.monitor.output_query import Known, Order, OutputQuery, ordered, texts_of
from comfy_tui.monitor.outputs import Output, outputs_of_job
from comfy_tui.monitor.remembered import RememberedJob
from comfy_tui.monitor.state import Job


class Gathered:
    """Outputs by key, newest job first; an output stays the same object as long as its job does."""

    def __init__(self) -> None:
        self.outputs: dict[str, Output] = {}
        self._by_job: dict[tuple[str, str], tuple[RememberedJob, tuple[Output, ...]]] = {}
        self._texts: dict[str, tuple[Output, str]] = {}

    def take(self, jobs: Iterable[Job], remembered: Iterable[RememberedJob] = ()) -> None:
        """These are the jobs now.

        Args:
            jobs: what the watched server lists.
            remembered: what the journal has beside that; one of the watched server has no address.
        """
        listed = {("", job.prompt_id): RememberedJob("", "", job) for job in jobs}
        extra = {(one.server, one.job.prompt_id): one for one in remembered}
        every = {**extra, **listed}
        by_job: dict[tuple[str, str], tuple[RememberedJob, tuple[Output, ...]]] = {}
        for key, one in sorted(every.items(), key=lambda item: _when(item[1].job), reverse=True):
            known = self._by_job.get(key)
            from_journal = key not in listed
            if known is not None and _same(known[0].job, one.job) and _is_remembered(known) == from_journal:
                by_job[key] = known
            else:
                made = outputs_of_job(
                    one.job, server=one.server, server_name=one.server_name, remembered=from_journal
                )
                by_job[key] = (one, made)
        self._by_job = by_job
        self.outputs = {output.key: output for _, outputs in by_job.values() for output in outputs}
        if len(self._texts) > 2 * len(self.outputs) + 100:
            self._texts = {key: found for key, found in self._texts.items() if key in self.outputs}

    def chosen(self, query: OutputQuery, known: Known, order: Order) -> list[Output]:
        """Those that a filter wants, in their order."""
        outputs: Iterable[Output] = self.outputs.values()
        if query.text:
            outputs = [output for output in outputs if query.matches(output, known, self._text(output))]
        return ordered(outputs, order)

    def _text(self, output: Output) -> str:
        known = self._texts.get(output.key)
        if known is None or known[0] is not output:
            known = (output, texts_of(output))
            self._texts[output.key] = known
        return known[1]


def _when(job: Job) -> float:
    return job.ended_at_s or job.created_at_s or 0.0


def _is_remembered(known: tuple[RememberedJob, tuple[Output, ...]]) -> bool:
    return bool(known[1]) and known[1][0].remembered


def _same(before: Job, now: Job) -> bool:
    """Nothing that is shown of its outputs has changed; what is compared is kept from poll to poll."""
    return before is now or (
        before.ended_at_s == now.ended_at_s
        and before.title == now.title
        and before.ours == now.ours
        and before.summary is now.summary
        and (before.outputs is now.outputs or before.outputs == now.outputs)
        and (before.texts is now.texts or before.texts == now.texts)
    )
