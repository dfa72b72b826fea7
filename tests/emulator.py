"""A terminal in memory: an independent reader of kitty's placeholders, sixel and iTerm2's protocol.

It knows nothing of the encoders: it follows the protocols' own words.
"""

from __future__ import annotations

import base64
import io
import re
import unicodedata
from codecs import getincrementaldecoder
from dataclasses import dataclass, field

from PIL import Image

Colour = tuple[int, int, int]
GROUND: Colour = (1, 2, 3)

_TOKEN = re.compile(
    r"\x1b\[(?P<mark>[<=>?]?)(?P<params>[\d;:]*)(?P<between>[ -/]*)(?P<final>[@-~])"
    r"|\x1b\](?P<osc>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    r"|\x1bP(?P<dcs>(?:[^\x1b]|\x1b\x1b)*)\x1b\\"
    r"|\x1b_(?P<apc>[^\x1b]*)\x1b\\"
    r"|\x1b(?P<esc>[^\[\]P_])"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f])"
    r"|(?P<text>[^\x1b])",
    re.DOTALL,
)
_BEGUN = re.compile(r"\x1b(?:\[[^@-~]*|[\]P_].*)?\Z", re.DOTALL)


#: Left out by kitty because they merge with other characters.
_MERGE = (
    *(0x300, 0x301, 0x302, 0x303, 0x304, 0x306, 0x307, 0x308, 0x309, 0x30A, 0x30B, 0x30C),
    *(0x30F, 0x311, 0x313, 0x314, 0x342, 0x653, 0x654),
)


def _diacritics() -> dict[str, int]:
    """Kitty's rule, for the code points to which no later Unicode added any: the first 129 numbers."""
    found = [
        code
        for code in range(0x300, 0x890)
        if unicodedata.category(chr(code)) == "Mn"
        and unicodedata.combining(chr(code)) == 230
        and not unicodedata.decomposition(chr(code))
        and code not in _MERGE
    ]
    return {chr(code): number for number, code in enumerate(found)}


@dataclass
class Cell:
    text: str = " "
    marks: str = ""
    front: Colour | None = None


@dataclass
class Sent:
    """A kitty picture that the terminal keeps."""

    data: str
    columns: int
    lines: int
    image: Image.Image | None = None
    complete: bool = False


@dataclass
class Emulator:
    """Follows what a program writes; :meth:`screenshot` is what a person would see of pictures."""

    columns: int = 80
    lines: int = 24
    cell: tuple[int, int] = (10, 20)
    #: What it says it can do: ``kitty``, ``sixel``, ``iterm``, ``plain`` or, answering nothing, ``silent``.
    kind: str = "plain"
    truecolor: bool = True
    name: str = ""
    answers: list[bytes] = field(default_factory=list)
    title: str = ""
    #: Everything that was printed on the main screen.
    main_text: str = ""
    freed: list[int] = field(default_factory=list)
    transmitted: list[int] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rest = ""
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self._marks = _diacritics()
        self.images: dict[int, Sent] = {}
        self._loading = 0
        self._front: Colour | None = None
        self._alternate = False
        self.frames = 0
        self._clear()

    def _clear(self) -> None:
        self.x = self.y = 0
        self._saved = (0, 0)
        self.grid = [[Cell() for _ in range(self.columns)] for _ in range(self.lines)]
        self.canvas = Image.new("RGB", (self.columns * self.cell[0], self.lines * self.cell[1]), GROUND)

    def resize(self, columns: int, lines: int) -> None:
        self.columns, self.lines = columns, lines
        self._clear()

    # -- what a person sees --------------------------------------------------------------------

    def text(self) -> str:
        return "\n".join("".join(cell.text for cell in row).rstrip() for row in self.grid)

    def screenshot(self) -> Image.Image:
        """The pictures on the screen; everything else is the ground."""
        shot = self.canvas.copy()
        for y, row in enumerate(self.grid):
            for x, cell in enumerate(row):
                if cell.text == "\U0010eeee":
                    piece = self._piece(cell)
                    if piece is not None:
                        shot.paste(piece, (x * self.cell[0], y * self.cell[1]))
        return shot

    def _piece(self, cell: Cell) -> Image.Image | None:
        """The part of a kitty picture that a placeholder cell stands for."""
        assert cell.front is not None, "a placeholder without an id"
        sent = self.images.get(cell.front[0] << 16 | cell.front[1] << 8 | cell.front[2])
        if sent is None or not sent.complete or len(cell.marks) != 2:
            return None
        if sent.image is None:
            sent.image = Image.open(io.BytesIO(base64.b64decode(sent.data))).convert("RGB")
            sent.image = sent.image.resize((sent.columns * self.cell[0], sent.lines * self.cell[1]))
        row, column = (self._marks[mark] for mark in cell.marks)
        left, upper = column * self.cell[0], row * self.cell[1]
        return sent.image.crop((left, upper, left + self.cell[0], upper + self.cell[1]))

    # -- what is written -----------------------------------------------------------------------

    def feed(self, data: bytes) -> list[bytes]:
        """Take what was written; returns what the terminal answers."""
        self._rest += self._decoder.decode(data)
        self.answers = []
        at = 0
        while at < len(self._rest):
            found = _TOKEN.match(self._rest, at)
            if found is None:
                assert _BEGUN.match(self._rest, at), ascii(self._rest[at : at + 80])
                break
            at = found.end()
            self._take(found)
        self._rest = self._rest[at:]
        return self.answers

    def _take(self, found: re.Match[str]) -> None:
        if found["text"] is not None:
            self._print(found["text"])
        elif found["final"] is not None:
            self._csi(found["mark"], found["params"], found["between"] + found["final"])
        elif found["osc"] is not None:
            self._osc(found["osc"])
        elif found["dcs"] is not None:
            self._dcs(found["dcs"])
        elif found["apc"] is not None:
            self._apc(found["apc"])
        elif found["esc"] is not None:
            if found["esc"] == "7":
                self._saved = (self.x, self.y)
            elif found["esc"] == "8":
                self.x, self.y = self._saved
        elif found["control"] == "\n":
            self.y = min(self.lines - 1, self.y + 1)
        elif found["control"] == "\r":
            self.x = 0

    def _print(self, character: str) -> None:
        if unicodedata.combining(character) or unicodedata.category(character) == "Mn":
            if 0 < self.x <= self.columns:
                self.grid[self.y][self.x - 1].marks += character
            return
        if not self._alternate:
            self.main_text += character
        wide = 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for _ in range(wide):
            if self.x < self.columns:
                self.grid[self.y][self.x] = Cell(character, front=self._front)
                box = (self.x * self.cell[0], self.y * self.cell[1])
                self.canvas.paste(GROUND, (*box, box[0] + self.cell[0], box[1] + self.cell[1]))
                self.x += 1

    def _csi(self, mark: str, params: str, final: str) -> None:
        numbers = [int(part) if part.isdigit() else 0 for part in params.split(";")]
        if final == "H" and not mark:
            self.y = max(1, numbers[0]) - 1
            self.x = max(1, numbers[1] if len(numbers) > 1 else 1) - 1
        elif final == "m" and not mark:
            self._colours(numbers)
        elif final == "J" and not mark:
            self._clear()
        elif (mark, final) in (("?", "h"), ("?", "l")) and 1049 in numbers:
            self._alternate = final == "h"
            self._clear()
        elif self.kind != "silent":
            self._answer(mark, params, final)

    def _answer(self, mark: str, params: str, final: str) -> None:
        if (mark, final) == ("", "c"):
            self.answers.append(b"\x1b[?62;4;22c" if self.kind == "sixel" else b"\x1b[?62;22c")
        elif (mark, final) == (">", "q") and self.name:
            self.answers.append(f"\x1bP>|{self.name}\x1b\\".encode())
        elif final == "t" and params == "16":
            self.answers.append(f"\x1b[6;{self.cell[1]};{self.cell[0]}t".encode())
        elif (mark, final) == ("?", "$p"):
            self.answers.append(f"\x1b[?{params};{2 if params == '2026' else 0}$y".encode())
        elif final == "n" and params == "6":
            self.answers.append(f"\x1b[{self.y + 1};{self.x + 1}R".encode())

    def _colours(self, numbers: list[int]) -> None:
        at = 0
        while at < len(numbers):
            if numbers[at] in (0, 39):
                self._front = None
            elif numbers[at] in (38, 48) and numbers[at + 1] == 2:
                if numbers[at] == 38:
                    self._front = (numbers[at + 2], numbers[at + 3], numbers[at + 4])
                at += 4
            elif numbers[at] in (38, 48):
                if numbers[at] == 38:
                    self._front = (0, 0, numbers[at + 2])
                at += 2
            at += 1

    def _osc(self, text: str) -> None:
        if text.startswith(("0;", "2;")):
            self.title = text[2:]
        elif text.startswith("1337;File=") and self.kind == "iterm":
            self._iterm(text.removeprefix("1337;File="))

    def _iterm(self, text: str) -> None:
        options, _, data = text.partition(":")
        values = dict(part.split("=") for part in options.split(";"))
        content = base64.b64decode(data, validate=True)
        assert int(values["size"]) == len(content)
        assert (values["inline"], values["doNotMoveCursor"], values["preserveAspectRatio"]) == ("1", "1", "0")
        size = (int(values["width"]) * self.cell[0], int(values["height"]) * self.cell[1])
        self._over(Image.open(io.BytesIO(content)).convert("RGB").resize(size))

    def _over(self, image: Image.Image) -> None:
        self.canvas.paste(image, (self.x * self.cell[0], self.y * self.cell[1]))

    def _dcs(self, text: str) -> None:
        if text.startswith("$q") and self.kind != "silent":
            front = "48:2::1:2:3" if self.truecolor else "48:5:16"
            self.answers.append(f"\x1bP1$r0;{front}m\x1b\\".encode())
        elif found := re.match(r"([\d;]*)q(.*)", text, re.DOTALL):
            if self.kind != "sixel":
                self.unknown.append("sixel")
                return
            image = read_sixel(found[2])
            self._over(image)
            # With sixel scrolling the cursor goes below the picture, and the screen scrolls for it.
            below = self.y + -(-image.height // self.cell[1])
            assert below <= self.lines - 1, "a sixel picture that scrolls the screen"
            self.y = below

    def _apc(self, text: str) -> None:
        if not text.startswith("G"):
            return
        control, _, data = text[1:].partition(";")
        keys = dict(part.split("=") for part in control.split(","))
        if keys.get("a") == "q":
            if self.kind == "kitty":
                self.answers.append(f"\x1b_Gi={keys['i']};OK\x1b\\".encode())
        elif self.kind != "kitty":
            self.unknown.append("kitty")
        elif keys.get("a") == "T":
            assert (keys["U"], keys["f"], keys["q"]) == ("1", "100", "2")
            self._loading = int(keys["i"])
            self.transmitted.append(self._loading)
            self.images[self._loading] = Sent(data, int(keys["c"]), int(keys["r"]))
        elif keys.get("a") == "d":
            assert keys["d"] == "I"
            self.freed.append(int(keys["i"]))
            self.images.pop(int(keys["i"]), None)
        else:
            self.images[self._loading].data += data
        if keys.get("m") == "0":
            self.images[self._loading].complete = True


def read_sixel(text: str) -> Image.Image:
    """A sixel picture, by the rules of the VT340."""
    head = re.match(r'"(\d+);(\d+);(\d+);(\d+)', text)
    assert head is not None, "no raster attributes"
    width, height = int(head[3]), int(head[4])
    image = Image.new("RGB", (width, height + 6), GROUND)
    pixels = image.load()
    palette: dict[int, Colour] = {}
    colour, x, y = 0, 0, 0
    drawn = False
    for part in re.finditer(
        r"#(\d+)(?:;2;(\d+);(\d+);(\d+))?|!(\d+)([?-~])|([?-~])|([$-])", text[head.end() :]
    ):
        if part[1] is not None:
            colour = int(part[1])
            if part[2] is not None:
                assert not drawn, "a colour is defined after pixels were drawn"
                palette[colour] = tuple(round(int(part[n]) * 2.55) for n in (2, 3, 4))  # type: ignore[assignment]
        elif part[8] == "$":
            x = 0
        elif part[8] == "-":
            x, y = 0, y + 6
        else:
            drawn = True
            count, sixel = (int(part[5]), part[6]) if part[5] else (1, part[7])
            bits = ord(sixel) - 63
            for column in range(x, x + count):
                for bit in range(6):
                    if bits >> bit & 1:
                        pixels[column, y + bit] = palette[colour]
            x += count
            assert x <= width
    return image.crop((0, 0, width, height))
