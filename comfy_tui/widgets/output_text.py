"""An output in words: its row in the list and the facts below its picture."""

from __future__ import annotations

from rich.text import Text

from comfy_tui.content.facts import Fact, seconds
from comfy_tui.content.sniff import Medium
from comfy_tui.monitor.outputs import Output, prompt_of, settings_of, written_later
from comfy_tui.monitor.previews import Preview
from comfy_tui.text import cell_len, clean, format_age, format_bytes, format_duration, shorten


def _age(output: Output, now_s: float) -> str:
    ended = output.job.ended_at_s or output.job.created_at_s
    return format_age(now_s - ended) if ended is not None else ""


def facts_text(
    output: Output, preview: Preview | None, now_s: float, width: int, prompt_lines: int = 2
) -> Text:
    """What is known of an output, a line each; unknown things have no line."""
    text = Text(no_wrap=True)
    text.append(shorten(clean(output.name, 200), width), "bold")
    if output.is_temporary:
        text.append(shorten("\n~ temporary: gone when the server is started again", width), "dim")
    if output.server:
        text.append(shorten(f"\non {clean(output.server_name, 40)}, which is not watched", width), "dim")
    elif output.remembered:
        text.append(shorten("\n° from the journal, not the server's list", width), "dim")
    if output.batch[1] > 1:
        place, count = output.batch
        text.append(shorten(f"\n{place} of {count} in a batch", width), "dim")
    text.append("\n" + shorten(content_words(output, preview), width))
    if words := doubts(output, preview):
        text.append("\n" + shorten(words, width), "bold")
    for line in _cut(clean(prompt_of(output), 2000), width, prompt_lines):
        text.append("\n" + line, "italic")
    summary = output.job.summary
    models = ", ".join(clean(model, 100) for model in summary.models) if summary is not None else ""
    for words in (settings_of(output), models, _title(output), _origin(output, now_s)):
        if words:
            text.append("\n" + shorten(words, width), "dim")
    return text


def short_facts(output: Output, preview: Preview | None, place: str, width: int) -> Text:
    """One line below a picture that has the whole window."""
    words = f"{clean(output.name, 100)}  {content_words(output, preview)}"
    doubt = doubts(output, preview)
    words = f"{words} · {doubt}" if doubt else words
    settings = settings_of(output)
    line = shorten(f"{words} · {settings}" if settings else words, max(0, width - len(place) - 2))
    gap = " " * max(2, width - cell_len(line) - len(place))
    return Text.assemble(line, gap, (place, "bold"), no_wrap=True)


def content_words(output: Output, preview: Preview | None) -> str:
    """Size, format and bytes, as far as they are known."""
    if preview is None:
        return output.kind
    decoded, info = preview.decoded, preview.info
    parts = [kind_words(output, preview)]
    if info is not None and info.video_codec:
        parts.append(f"{info.width}x{info.height}" if info.width else "")
    elif decoded is not None:
        parts = [f"{decoded.width}x{decoded.height}", decoded.format]
    if info is not None:
        parts.append(seconds(info.duration_s) if info.duration_s is not None else "")
        parts.append(f"{info.frame_rate:.4g} frames/s" if info.frame_rate else "")
    if preview.small_bytes is not None:
        parts.append(f"small copy, {format_bytes(preview.small_bytes)}, of")
    if preview.size_bytes is not None:
        parts.append(format_bytes(preview.size_bytes))
    if preview.cut and preview.text is not None:
        parts.append("its beginning")
    if decoded is not None and decoded.animated and preview.animation is None:
        parts.append("animated: the first frame")
    words = " · ".join(clean(part, 40) for part in parts if part).replace("of · ", "of ").removesuffix(", of")
    wrong = misnamed(output, preview)
    return f"{words} · {wrong}" if wrong else words


def kind_words(output: Output, preview: Preview) -> str:
    """What a file is, by its content; by its name only where that says more."""
    sort = preview.sort
    if sort is None:
        return output.kind if output.medium in (Medium.PICTURE, Medium.TEXT) else output.medium.value
    if sort.medium is Medium.OTHER:
        return sort.format or "unknown content"
    if sort.medium in (Medium.PICTURE, Medium.TEXT, Medium.LATENT):
        return sort.format
    return f"{sort.medium.value}, {sort.format}" if sort.format else sort.medium.value


def misnamed(output: Output, preview: Preview) -> str:
    """Words for a file whose name says something else than its content."""
    sort = preview.sort
    if sort is None or not output.ending or output.medium in (Medium.OTHER, sort.medium):
        return ""
    if sort.medium is Medium.OTHER and not sort.format:
        return f"nothing in it is like {output.ending}"
    return f"named .{clean(output.ending, 8)}"


def doubts(output: Output, preview: Preview | None) -> str:
    """Words where what is shown may not be what the job made, or is not on the server."""
    if preview is None:
        return ""
    later_s = written_later(output, preview.version)
    words = f"! changed {format_duration(later_s)} after its job: not its own" if later_s else ""
    return " · ".join(part for part in (words, clean(preview.kept_why, 100)) if part)


def known_facts(preview: Preview) -> tuple[Fact, ...]:
    """What is told of a file that is no picture and no text, a line each."""
    info, found = preview.info, list[Fact]()
    if info is not None:
        if info.duration_s is not None:
            found.append(Fact("length", seconds(info.duration_s)))
        video = [info.video_codec, f"{info.width}x{info.height}" if info.width else ""]
        video.append(f"{info.frame_rate:.4g} frames/s" if info.frame_rate else "")
        sound = [info.audio_codec, f"{info.sample_rate_hz:,} Hz" if info.sample_rate_hz else ""]
        sound.append({1: "mono", 2: "stereo"}.get(info.channels or 0, f"{info.channels} channels"))
        if info.video_codec:
            found.append(Fact("video", ", ".join(part for part in video if part)))
        if info.audio_codec:
            found.append(Fact("sound", ", ".join(part for part in sound if part and info.channels)))
        found += info.tags
    return (*found, *preview.facts)


def _title(output: Output) -> str:
    """The workflow's name; none where it was made up from the prompt, which stands above it."""
    title = clean(output.job.title, 200)
    start = " ".join(clean(prompt_of(output), 200).split())[:20]
    return "" if start and start in title else title


def _origin(output: Output, now_s: float) -> str:
    elapsed = output.job.elapsed_s(now_s)
    parts = [
        "ours" if output.job.ours else "other",
        f"node {clean(output.node_id, 20)} {clean(output.node_name, 40)}".rstrip() if output.node_id else "",
        _age(output, now_s),
        f"took {format_duration(elapsed)}" if elapsed is not None else "",
    ]
    return " · ".join(part for part in parts if part)


def _cut(words: str, width: int, lines: int) -> list[str]:
    """The words in at most so many lines, the last one ending in "…" if something was lost."""
    from comfy_tui.widgets.line_view import fold

    if not words.strip() or lines < 1:
        return []
    folded = list(fold(words[: width * (lines + 2)], width))
    shown = folded[:lines]
    if len(folded) > lines:
        shown[-1] = shorten(shown[-1] + " …" + " " * width, width).rstrip().removesuffix("…").rstrip() + "…"
    return shown
