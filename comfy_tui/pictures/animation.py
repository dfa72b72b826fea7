"""The frames of an animation, within a budget of frames, bytes and time.  Blocks: call it in a thread."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from comfy_tui.errors import BadReply
from comfy_tui.pictures.decode import BROKEN, FORMATS, MAX_PIXELS, bare, check, open_pillow, pixel_bytes

if TYPE_CHECKING:
    from PIL import Image

#: What is kept of one animation.
FRAMES = 240
FRAMES_BYTES = 24 * 1024 * 1024
READ_S = 3.0
#: The long side of a kept frame.
FRAME_PX = 480
_SHORTEST_S, _USUAL_S, _LONGEST_S = 0.02, 0.1, 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Animation:
    """Frames with the seconds that each is shown; ``total`` is how many the file has, where that is known."""

    frames: tuple[Image.Image, ...]
    durations_s: tuple[float, ...]
    total: int | None = None
    #: There are more frames than are kept.
    cut: bool = False

    @property
    def memory_bytes(self) -> int:
        """What its pixels take."""
        return sum(pixel_bytes(frame) for frame in self.frames)

    @property
    def length_s(self) -> float:
        """How long one round takes."""
        return sum(self.durations_s)

    def frame_at(self, at_s: float) -> int:
        """Which frame is shown so many seconds after the start; it goes round."""
        if len(self.frames) < 2 or self.length_s <= 0:
            return 0
        at_s %= self.length_s
        for index, duration_s in enumerate(self.durations_s):
            at_s -= duration_s
            if at_s < 0:
                return index
        return len(self.frames) - 1


def read_animation(content: bytes) -> Animation:
    """Read the frames of a GIF, WebP, PNG or AVIF, as many as the budget allows.

    Raises:
        BadReply: it is no picture or a broken one; a later frame that is broken ends the animation.
    """
    pillow = open_pillow()
    check(content)
    end = time.monotonic() + READ_S
    frames: list[Image.Image] = []
    durations: list[float] = []
    room = FRAMES_BYTES
    try:
        with pillow.open(io.BytesIO(content), formats=FORMATS) as opened:
            if opened.size[0] * opened.size[1] > MAX_PIXELS:
                raise BadReply(
                    "The picture is too large to draw", f"{opened.size[0]}x{opened.size[1]} pixels"
                )
            total = _total(opened)
            for index in range(FRAMES):
                if not _seek(opened, index):
                    return Animation(tuple(frames), tuple(durations), len(frames))
                duration = _duration(opened)
                frame = bare(opened, FRAME_PX)
                room -= frame.width * frame.height * len(frame.getbands())
                if frames and (room < 0 or time.monotonic() > end):
                    break
                frames.append(frame)
                durations.append(duration)
    except pillow.DecompressionBombError as error:
        raise BadReply("The picture is too large to draw", "more pixels than any screen") from error
    except pillow.UnidentifiedImageError as error:
        raise BadReply("Not a picture", "it is in no format that can be drawn") from error
    except BROKEN as error:
        if not frames:
            raise BadReply("The picture is broken", (str(error) or type(error).__name__)[:200]) from error
    return Animation(tuple(frames), tuple(durations), total, cut=total is None or total > len(frames))


def _seek(opened: Any, index: int) -> bool:
    """Go to a frame; False behind the last one, and where a later frame is broken."""
    try:
        opened.seek(index)
        opened.load()
    except EOFError:
        return False
    except BROKEN:
        if index == 0:
            raise
        return False
    return True


def _total(opened: Any) -> int | None:
    """How many frames the file says it has; a GIF does not say, and counting them reads all of it."""
    if opened.format == "GIF":
        return None
    try:
        return int(getattr(opened, "n_frames", 1))
    except BROKEN:
        return None


def _duration(opened: Any) -> float:
    """As browsers do it: what is shorter than a fiftieth of a second is a tenth."""
    try:
        duration_s = float(opened.info.get("duration", 0) or 0) / 1000
    except (TypeError, ValueError):
        return _USUAL_S
    return min(duration_s, _LONGEST_S) if duration_s >= _SHORTEST_S else _USUAL_S


def contact_sheet(frames: tuple[Image.Image, ...], *, across: int = 4, most: int = 16) -> Image.Image | None:
    """Frames at equal distances, side by side in rows; None where there are fewer than two."""
    count = min(most, len(frames))
    if count < 2:
        return None
    from PIL import Image as pillow

    chosen = [frames[index * (len(frames) - 1) // (count - 1)] for index in range(count)]
    width, height = chosen[0].size
    scale = min(1.0, 320 / max(width, height))
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    across = min(across, count)
    rows = -(-count // across)
    sheet = pillow.new("RGB", (across * (width + 4) - 4, rows * (height + 4) - 4), (24, 24, 24))
    for index, frame in enumerate(chosen):
        small = frame.convert("RGB").resize((width, height), pillow.Resampling.BOX)
        sheet.paste(small, (index % across * (width + 4), index // across * (height + 4)))
    return sheet
