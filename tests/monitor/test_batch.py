"""Several copies, one after the other."""

from __future__ import annotations

from comfy_tui.comfy.http import NotSent
from comfy_tui.comfy.types import NodeError, Submitted
from comfy_tui.errors import ComfyError, Refused, TimedOut
from comfy_tui.monitor.batch import Outcome, queue_all
from comfy_tui.monitor.submit import Submission


async def run(*answers: ComfyError | Submitted) -> tuple[Outcome, int]:
    left, sent = list(answers), []

    async def submit(submission: Submission) -> Submitted:
        sent.append(submission)
        answer = left.pop(0)
        if isinstance(answer, ComfyError):
            raise answer
        return answer

    outcome = await queue_all((Submission({}, "a") for _ in answers), len(answers), "a", submit)
    return outcome, len(sent)


OK = Submitted("x", 1, ())


async def test_all_taken() -> None:
    outcome, sent = await run(OK, OK)
    assert (outcome.accepted, sent, outcome.title, outcome.severity) == (2, 2, "Queued", "information")
    assert "2 copies" in outcome.words


async def test_after_the_first_that_is_not_taken_nothing_is_sent() -> None:
    outcome, sent = await run(OK, Refused("No", "bad value", "Change it.", status=400), OK)
    assert (outcome.accepted, sent) == (1, 2)
    assert "1 of 3 queued" in outcome.words
    assert "Change it." in outcome.words
    assert outcome.title == "Queued in part"


async def test_what_has_become_of_it_is_said() -> None:
    outcome, _ = await run(NotSent("Not running", "refused the connection"))
    assert "not sent" in outcome.words
    assert "E exports" in outcome.words
    outcome, _ = await run(TimedOut("No answer", "nothing within 30 s"))
    assert "not known" in outcome.words
    assert "not sent again by itself" in outcome.words


async def test_accepted_in_part_names_what_is_left_out() -> None:
    error = NodeError("3", "KSampler", "value_smaller_than_min", "Value too small", "steps", "steps")
    outcome, _ = await run(Submitted("x", 1, (error,)))
    assert outcome.severity == "warning"
    assert "KSampler (3), steps: Value too small" in outcome.words
