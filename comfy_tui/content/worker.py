"""A process of its own for readers whose C libraries may hang, crash, take memory or write to the terminal.

``python -m comfy_tui.content.worker TASK OPTIONS``: the file comes on stdin; on stdout go the length of a
JSON object, the object, and the pixels of the frames that it lists.  It limits its own memory and time
before it reads a byte.
"""

from __future__ import annotations

import contextlib
import io
import json
import struct
import sys
import time
from typing import Any

#: Address space: decoders of 8K video take less; what takes more is no file to be shown.
MEMORY_BYTES = 2 * 1024**3
#: Seconds of processor time.
CPU_S = 20
#: So many packets and frames are looked at, whatever the file says it has.
_MOST_PACKETS = 200_000
_MOST_PIXELS = 40_000_000
_SHOWN_TAGS = ("title", "artist", "album", "date", "genre", "comment", "description", "encoder")


def _limit() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(arguments: list[str]) -> int:
    """Do one task; errors are told in the JSON."""
    _limit()
    task, options = arguments[0], json.loads(arguments[1])
    content = sys.stdin.buffer.read()
    frames: list[bytes] = []
    try:
        tasks = {"video": _video, "audio": _audio, "picture": _picture, "exr": _exr}
        found = tasks[task](content, options, frames)
    except MemoryError:
        found = {"error": "it takes more memory than is given to it"}
    except Exception as error:
        # The bytes are anybody's and the libraries large: whatever it raises is the answer.
        found = {"error": f"{type(error).__name__}: {error}"[:300]}
        frames = []
    head = json.dumps(found).encode()
    out = sys.stdout.buffer
    out.write(struct.pack(">I", len(head)) + head)
    for frame in frames:
        out.write(frame)
    out.flush()
    return 0


def _open(content: bytes) -> Any:
    import av

    av.logging.set_level(None)
    # Only what is in these bytes: no playlist leads to another file or host.
    allowed = {"protocol_whitelist": "", "format_whitelist": _FORMATS}
    return av.open(io.BytesIO(content), mode="r", options=allowed, metadata_errors="replace")


_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,ogg,flac,mp3,wav,aac,mpegts,mpeg,flv"


def _times(content: bytes) -> dict[str, Any]:
    container = _open(content)
    with container:
        found: dict[str, Any] = {}
        if container.duration:
            found["duration_s"] = container.duration / 1_000_000
        found["tags"] = [
            [str(name)[:60].lower(), str(value)[:400]]
            for name, value in list(container.metadata.items())[:100]
            if str(name).lower() in _SHOWN_TAGS
        ]
        for stream in container.streams.audio[:1]:
            context = stream.codec_context
            found["audio_codec"] = str(context.name)
            found["sample_rate_hz"], found["channels"] = context.sample_rate, context.channels
            if stream.duration and stream.time_base and "duration_s" not in found:
                found["duration_s"] = float(stream.duration * stream.time_base)
        for stream in container.streams.video[:1]:
            context = stream.codec_context
            found["video_codec"] = str(context.name)
            found["width"], found["height"] = context.width, context.height
            if stream.average_rate:
                found["frame_rate"] = float(stream.average_rate)
            if stream.frames:
                found["frames_total"] = stream.frames
        return found


def _video(content: bytes, options: dict[str, Any], frames: list[bytes]) -> dict[str, Any]:
    """Facts and frames at equal distances: at most ``frames`` of them, none longer than ``side``."""
    found = _times(content)
    if not found.get("video_codec"):
        return {**found, "error": "there are no pictures in it"}
    if found["width"] * found["height"] > _MOST_PIXELS:
        return {**found, "error": f"{found['width']}x{found['height']} pixels: too large to draw"}
    length = found.get("duration_s") or 0.0
    step = max(length / max(1, options["frames"]), options["step_s"]) if options["frames"] > 1 else 0.0
    listed, room = [], options["bytes"]
    end = time.monotonic() + options["seconds"]
    with _open(content) as container:
        stream = container.streams.video[0]
        stream.thread_type = "SLICE"
        wanted, number = 0.0, -1
        for number, frame in enumerate(container.decode(stream)):
            at = frame.time if frame.time is not None else number / (found.get("frame_rate") or 24.0)
            if at + 1e-6 >= wanted:
                small = _scaled(frame, options["side"])
                raw = small.tobytes()
                room -= len(raw)
                if room < 0:
                    found["late"] = True
                    break
                frames.append(raw)
                listed.append([small.width, small.height, round(at, 4)])
                wanted = max(wanted + step, at)
            late = time.monotonic() > end or number > _MOST_PACKETS
            if len(frames) >= options["frames"] or late:
                found["late"] = late
                break
        else:
            # The container does not always say how many there are: WebM never does.
            found["frames_total"] = number + 1
    return {**found, "frames": listed}


def _scaled(frame: Any, side: int) -> Any:
    scale = min(1.0, side / max(frame.width, frame.height))
    width, height = max(2, round(frame.width * scale)), max(2, round(frame.height * scale))
    picture = frame.reformat(width=width, height=height, format="rgb24").to_image()
    return picture.rotate(-frame.rotation, expand=True) if getattr(frame, "rotation", 0) else picture


def _audio(content: bytes, options: dict[str, Any], frames: list[bytes]) -> dict[str, Any]:
    """Facts, and how loud each part of the sound is."""
    import av

    found = _times(content)
    if not found.get("audio_codec"):
        return {**found, "error": "there is no sound in it"}
    # Each piece is a hundredth of a second at most; pieces are joined to columns when the end is known.
    peaks: list[float] = []
    end = time.monotonic() + options["seconds"]
    samples = 0
    with _open(content) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="s16", layout="mono", rate=8000)
        for frame in container.decode(stream):
            for small in resampler.resample(frame):
                # Its buffer is padded: only the samples count.
                values = memoryview(bytes(small.planes[0]))[: 2 * small.samples].cast("h")
                samples += len(values)
                for start in range(0, len(values), 80):
                    part = values[start : start + 80]
                    peaks.append(min(1.0, max(max(part), -min(part)) / 32767))
            if time.monotonic() > end or len(peaks) > 2_000_000:
                found["late"] = True
                break
    if samples and not found.get("duration_s"):
        found["duration_s"] = samples / 8000
    return {**found, "peaks": _joined(peaks, options["columns"])}


def _joined(peaks: list[float], columns: int) -> list[float]:
    count = min(columns, len(peaks))
    return [
        round(max(peaks[i * len(peaks) // count : max(1, (i + 1) * len(peaks) // count)] or [0.0]), 3)
        for i in range(count)
    ]


def _picture(content: bytes, options: dict[str, Any], frames: list[bytes]) -> dict[str, Any]:
    """A picture whose reader is not run in the console's own process."""
    from comfy_tui.pictures.decode import ISOLATED_FORMATS, decode_any

    decoded = decode_any(content, ISOLATED_FORMATS, options["side"])
    image = decoded.image
    frames.append(image.tobytes())
    listed = [[image.width, image.height, 0.0]]
    return {
        "width": decoded.width,
        "height": decoded.height,
        "format": decoded.format,
        "mode": image.mode,
        "frames": listed,
    }


def _exr(content: bytes, options: dict[str, Any], frames: list[bytes]) -> dict[str, Any]:
    """A picture in linear light, of which more may be seen than a screen shows; brought to its curve."""
    import av

    av.logging.set_level(None)
    with av.open(io.BytesIO(content), mode="r", format="exr_pipe") as container:
        stream = container.streams.video[0]
        width, height = stream.codec_context.width, stream.codec_context.height
        if width * height > _MOST_PIXELS:
            return {"error": f"{width}x{height} pixels: too large to draw"}
        stream.codec_context.options = {"apply_trc": "iec61966_2_1"}
        frame = next(container.decode(stream))
        alpha = "a" in frame.format.name
        scale = min(1.0, options["side"] / max(frame.width, frame.height))
        size = {name: max(1, round(side * scale)) for name, side in (("width", width), ("height", height))}
        small = frame.reformat(**size, format="rgba" if alpha else "rgb24").to_image()
    frames.append(small.tobytes())
    return {
        "width": width,
        "height": height,
        "format": "EXR",
        "mode": small.mode,
        "frames": [[small.width, small.height, 0.0]],
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
