"""What jobs left behind, one entry for each file or text, newest job first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from comfy_tui.comfy.file_version import FileVersion
from comfy_tui.comfy.types import OutputFile, OutputText
from comfy_tui.content.sniff import Medium, medium_by_ending
from comfy_tui.monitor.state import Job
from comfy_tui.text import clean


@dataclass(frozen=True, slots=True)
class Output:
    """One file or text of an ended job; exactly one of ``file`` and ``text`` is there."""

    #: The same as long as the server's history has the job.
    key: str
    job: Job
    file: OutputFile | None = None
    text: OutputText | None = None
    #: Its place among the files that one run of one node made, from 1, and how many those are.
    batch: tuple[int, int] = (1, 1)
    #: The address of the server that has it; empty for the one that is watched.
    server: str = ""
    #: What that server is called.
    server_name: str = ""
    #: The journal knows it: the server does not list its job now, or is not the one that is watched.
    remembered: bool = False

    @property
    def node_id(self) -> str:
        """The node that made it."""
        made = self.file or self.text
        return made.node_id if made is not None else ""

    @property
    def name(self) -> str:
        """The file's name, or the first words of a text; as the server sent it."""
        if self.file is not None:
            return self.file.filename
        return " ".join(self.text.text[:200].split()) if self.text is not None else ""

    @property
    def ending(self) -> str:
        """The file's ending in small letters without its dot; empty where it has none."""
        if self.file is None:
            return ""
        stem, dot, ending = self.file.filename.rpartition(".")
        return ending.lower() if dot and stem and ending.isalnum() and len(ending) <= 8 else ""

    @property
    def medium(self) -> Medium:
        """What it is, going by its name's ending; its content may prove that wrong."""
        return Medium.TEXT if self.file is None else medium_by_ending(self.ending)

    @property
    def kind(self) -> str:
        """What it is, in a word for a list."""
        return self.ending or self.medium.value

    @property
    def is_temporary(self) -> bool:
        """Whether the server forgets it when it is started again (PreviewImage)."""
        return self.file is not None and self.file.type == "temp"

    @property
    def node_name(self) -> str:
        """The class of the node that made it; empty where the prompt is not known."""
        names = self.job.node_names
        return names.get(self.node_id, names.get(self.node_id.partition(".")[0], "")) if names else ""

    @property
    def made_at_s(self) -> float | None:
        """When its job ended, else when it was queued; Unix seconds."""
        return self.job.ended_at_s or self.job.created_at_s

    @property
    def path(self) -> str:
        """Where it is below the server's folders: ``output/sub/name.png``."""
        if self.file is None:
            return ""
        return "/".join(part for part in (self.file.type, self.file.subfolder, self.file.filename) if part)

    def url(self, server_url: str) -> str:
        """Where a browser finds it; ``server_url`` never holds credentials."""
        return "" if self.file is None else view_url(server_url, self.file)


def view_url(server_url: str, file: OutputFile) -> str:
    """Where a browser finds a file; ``server_url`` never holds credentials."""
    query = {"filename": file.filename, "subfolder": file.subfolder, "type": file.type}
    return f"{server_url}/view?{urlencode(query, errors='replace')}"


def outputs_of(jobs: Iterable[Job]) -> tuple[Output, ...]:
    """Everything that the jobs left behind, what was made last first; of one job what is kept comes first."""
    ordered = sorted(jobs, key=lambda job: job.ended_at_s or job.created_at_s or 0.0, reverse=True)
    return tuple(output for job in ordered for output in outputs_of_job(job))


def outputs_of_job(
    job: Job, *, server: str = "", server_name: str = "", remembered: bool = False
) -> tuple[Output, ...]:
    """What one job left behind, what is kept first.

    Args:
        job: the job.
        server: the address of its server; empty for the one that is watched.
        server_name: what that one is called.
        remembered: the journal knows it, not the server.
    """
    of = f"{server} {job.prompt_id}" if server else job.prompt_id
    whose = (server, server_name, remembered)
    files = sorted(job.outputs, key=lambda file: file.type == "temp")
    sizes = Counter((file.node_id, file.type, file.key) for file in files)
    places: Counter[tuple[str, str, str]] = Counter()
    found: list[Output] = []
    for index, file in enumerate(files):
        group = (file.node_id, file.type, file.key)
        places[group] += 1
        found.append(Output(f"{of}/{index}", job, file, None, (places[group], sizes[group]), *whose))
    for index, text in enumerate(job.texts):
        found.append(Output(f"{of}/text {index}", job, None, text, (1, 1), *whose))
    return tuple(found)


#: A server's dates are whole seconds, rounded up; a file may be closed just after its job was called done.
_DATE_SLACK_S = 2.0
#: From here on it was surely somebody else; clocks of a file server may differ a little.
_LATE_S = 20.0


def wrote(job: Job, version: FileVersion) -> bool:
    """Whether a file's date proves that this job wrote it; both times are the server's."""
    modified_at_s = version.modified_at_s
    if modified_at_s is None or job.started_at_s is None or job.ended_at_s is None or job.start_is_bound:
        return False
    return job.started_at_s - 1 <= modified_at_s <= job.ended_at_s + _DATE_SLACK_S


def written_later(output: Output, version: FileVersion) -> float | None:
    """Seconds after its job's end at which the file was written: what lies there now is not the job's."""
    ended_at_s, modified_at_s = output.job.ended_at_s, version.modified_at_s
    if ended_at_s is None or modified_at_s is None or modified_at_s <= ended_at_s + _LATE_S:
        return None
    return modified_at_s - ended_at_s


def searched(output: Output) -> tuple[str, ...]:
    """The texts in which a filter looks."""
    summary = output.job.summary
    words = (output.path or output.name, output.kind, output.job.title, output.node_name, output.server_name)
    if summary is None:
        return words
    return (*words, summary.positive, summary.negative, " ".join(summary.models), str(summary.seed))


def prompt_of(output: Output) -> str:
    """What was asked for, in full; empty where it is not known."""
    return output.job.summary.positive if output.job.summary is not None else ""


def settings_of(output: Output) -> str:
    """Seed, steps, cfg and sampler, as far as they are known."""
    summary = output.job.summary
    if summary is None:
        return ""
    parts = [
        f"seed {summary.seed}" if summary.seed is not None else "",
        f"{summary.steps} steps" if summary.steps is not None else "",
        f"cfg {summary.cfg:g}" if summary.cfg is not None else "",
        clean(summary.sampler, 40),
    ]
    return " · ".join(part for part in parts if part)


def name_values(output: Output, server: str) -> dict[str, str]:
    """What is known of an output for the name of a saved file (:data:`comfy_tui.naming.FIELDS`)."""
    job, summary = output.job, output.job.summary
    ended_s = job.ended_at_s or job.created_at_s
    ended = datetime.fromtimestamp(ended_s) if ended_s is not None and 0 < ended_s < 2**33 else None
    model = summary.models[0].replace("\\", "/").rsplit("/", 1)[-1] if summary and summary.models else ""
    return {
        "date": ended.strftime("%Y-%m-%d") if ended else "",
        "time": ended.strftime("%H%M%S") if ended else "",
        "workflow": job.title,
        "seed": str(summary.seed) if summary and summary.seed is not None else "",
        "model": model.rpartition(".")[0] or model,
        "prompt": " ".join(summary.positive.split()[:8]) if summary else "",
        "node": output.node_id,
        "id": job.prompt_id[:8],
        "server": server,
    }
