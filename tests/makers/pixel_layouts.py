"""Flat pictures in any pixel format, packed by hand: the layouts of libavutil's pixfmt.h, written down a second time.

A layout is a line a plane. ``16be*2/2x1: Y10 x6 | U10 x6`` reads: big-endian words of 16 bits; a unit holds two pixels;
the plane is subsampled 2 by 1; a unit's words follow, each with its fields from the most significant bit down. ``x`` is
padding; ``f32`` and ``f16`` are floats.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.oracles import reference, zscale_oracle

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Codes = dict[str, float]
_HEAD = re.compile(r"(f?)(\d+)(le|be)?(?:\*(\d))?(?:/(\d)x(\d))?")


def _ycbcr() -> dict[str, list[str]]:
    planar = (
        ("yuv420p", 2, 2, (8, 9, 10, 12, 14, 16), ""), ("yuv422p", 2, 1, (8, 9, 10, 12, 14, 16), ""),
        ("yuv444p", 1, 1, (8, 9, 10, 12, 14, 16), ""), ("yuv440p", 1, 2, (8, 10, 12), ""),
        ("yuv410p", 4, 4, (8,), ""), ("yuv411p", 4, 1, (8,), ""),
        ("yuva420p", 2, 2, (8, 9, 10, 16), "A"), ("yuva422p", 2, 1, (8, 9, 10, 12, 16), "A"),
        ("yuva444p", 1, 1, (8, 9, 10, 12, 16), "A"),
    )  # fmt: skip
    found = {}
    for name, wide, high, depths, alpha in planar:
        for depth in depths:
            pad = f"x{16 - depth} " if 8 < depth < 16 else ""
            for end in ("le", "be") if depth > 8 else ("",):
                word = f"16{end}" if end else "8"
                rows = [f"{word}: {pad}Y{depth}"] + [f"{word}/{wide}x{high}: {pad}{c}{depth}" for c in "UV"]
                rows += [f"{word}: {pad}A{depth}"] if alpha else []
                found[f"{name}{depth if end else ''}{end}"] = rows
    found |= {
        "nv12": ["8: Y8", "8/2x2: U8 | V8"], "nv21": ["8: Y8", "8/2x2: V8 | U8"], "nv16": ["8: Y8", "8/2x1: U8 | V8"],
        "nv24": ["8: Y8", "8: U8 | V8"], "nv42": ["8: Y8", "8: V8 | U8"],
        "yuyv422": ["8*2: Y8 | U8 | Y8 | V8"], "yvyu422": ["8*2: Y8 | V8 | Y8 | U8"],
        "uyvy422": ["8*2: U8 | Y8 | V8 | Y8"], "uyyvyy411": ["8*4: U8 | Y8 | Y8 | V8 | Y8 | Y8"],
        "vuya": ["8: V8 | U8 | Y8 | A8"], "vuyx": ["8: V8 | U8 | Y8 | x8"], "ayuv": ["8: A8 | Y8 | U8 | V8"],
        "uyva": ["8: U8 | Y8 | V8 | A8"], "vyu444": ["8: V8 | Y8 | U8"],
        "xv30le": ["32le: x2 V10 Y10 U10"], "v30xle": ["32le: V10 Y10 U10 x2"],
    }  # fmt: skip
    for end in ("le", "be"):
        found[f"ayuv64{end}"] = [f"16{end}: A16 | Y16 | U16 | V16"]
        found[f"xv36{end}"] = [f"16{end}: U12 x4 | Y12 x4 | V12 x4 | x16"]
        found[f"xv48{end}"] = [f"16{end}: U16 | Y16 | V16 | x16"]
        found[f"nv20{end}"] = [f"16{end}: x6 Y10", f"16{end}/2x1: x6 U10 | x6 V10"]
        for depth in (10, 12, 16):
            pad = f" x{16 - depth}" if depth < 16 else ""
            for digit, step in (("0", "2x2"), ("2", "2x1"), ("4", "1x1")):
                chroma = f"16{end}/{step}: U{depth}{pad} | V{depth}{pad}"
                found[f"p{digit}{depth}{end}"] = [f"16{end}: Y{depth}{pad}", chroma]
        for depth in (10, 12):
            found[f"yuv444p{depth}msb{end}"] = [f"16{end}: {c}{depth} x{16 - depth}" for c in "YUV"]
    for depth in (10, 12, 16):
        pad = f" x{16 - depth}" if depth < 16 else ""
        found[f"y2{depth}le"] = [f"16le*2: Y{depth}{pad} | U{depth}{pad} | Y{depth}{pad} | V{depth}{pad}"]
    return found


def _rgb() -> dict[str, list[str]]:
    found = {
        "rgb8": ["8: R3 G3 B2"],
        "bgr8": ["8: B2 G3 R3"],
        "rgb4_byte": ["8: x4 R1 G2 B1"],
        "bgr4_byte": ["8: x4 B1 G2 R1"],
    }
    for name in ("rgb24", "bgr24", "rgba", "bgra", "argb", "abgr", "0rgb", "0bgr", "rgb0", "bgr0"):
        found[name] = ["8: " + " | ".join("x8" if c == "0" else f"{c.upper()}8" for c in name.removesuffix("24"))]
    for end in ("le", "be"):
        for name in ("rgb48", "bgr48", "rgba64", "bgra64"):
            found[name + end] = [f"16{end}: " + " | ".join(f"{c.upper()}16" for c in name[:-2])]
        for order in ("rgb", "bgr"):
            a, b, c = order.upper()
            found[f"{order}565{end}"] = [f"16{end}: {a}5 {b}6 {c}5"]
            found[f"{order}555{end}"] = [f"16{end}: x1 {a}5 {b}5 {c}5"]
            found[f"{order}444{end}"] = [f"16{end}: x4 {a}4 {b}4 {c}4"]
        for depth in (9, 10, 12, 14, 16):
            pad = f"x{16 - depth} " if depth < 16 else ""
            found[f"gbrp{depth}{end}"] = [f"16{end}: {pad}{c}{depth}" for c in "GBR"]
            if depth != 9:
                found[f"gbrap{depth}{end}"] = [f"16{end}: {pad}{c}{depth}" for c in "GBRA"]
        for depth in (10, 12):
            found[f"gbrp{depth}msb{end}"] = [f"16{end}: {c}{depth} x{16 - depth}" for c in "GBR"]
    for order in ("rgb", "bgr"):
        a, b, c = order.upper()
        found[f"x2{order}10le"] = [f"32le: x2 {a}10 {b}10 {c}10"]
    return found | {"gbrp": [f"8: {c}8" for c in "GBR"], "gbrap": [f"8: {c}8" for c in "GBRA"]}


def _floats() -> dict[str, list[str]]:
    found = {}
    for end in ("le", "be"):
        for bits in (32, 16):
            found[f"gbrpf{bits}{end}"] = [f"f{bits}{end}: {c}" for c in "GBR"]
            found[f"gbrapf{bits}{end}"] = [f"f{bits}{end}: {c}" for c in "GBRA"]
            found[f"rgbf{bits}{end}"] = [f"f{bits}{end}: R | G | B"]
        found[f"rgbaf16{end}"] = [f"f16{end}: R | G | B | A"]
    return found


def _grey() -> dict[str, list[str]]:
    found = {"gray": ["8: Y8"], "ya8": ["8: Y8 | A8"]}
    for end in ("le", "be"):
        found |= {f"gray{depth}{end}": [f"16{end}: x{16 - depth} Y{depth}"] for depth in (9, 10, 12, 14)}
        found |= {f"gray16{end}": [f"16{end}: Y16"], f"ya16{end}": [f"16{end}: Y16 | A16"]}
        found |= {f"grayf32{end}": [f"f32{end}: Y"], f"yaf32{end}": [f"f32{end}: Y | A"]}
    return found


YCBCR, RGB, FLOATS, GREY = _ycbcr(), _rgb(), _floats(), _grey()
LAYOUTS = YCBCR | RGB | FLOATS | GREY
#: Formats whose padding pixfmt.h calls undefined; elsewhere unused bits are zero.
UNDEFINED_BITS = tuple(
    name for name in LAYOUTS if re.match(r"(rgb|bgr)(555|444|0|4_byte)|0(rgb|bgr)|x2(rgb|bgr)|vuyx|xv|v30x", name)
)


@dataclass(frozen=True)
class Flat:
    """One colour in one format: its codes, and what they mean."""

    name: str
    codes: Mapping[str, float]
    is_full_range: bool
    matrix: str = "bt601"

    @property
    def signal(self) -> Any:
        """R'G'B' and alpha, 0-1."""
        depths = depths_of(self.name)
        if self.name in YCBCR:
            codes = np.array([self.codes[c] for c in "YUV"])
            rgb = reference.rgb_of_codes(codes, self.matrix, depths["Y"], is_full_range=self.is_full_range)
        elif self.name in GREY and "Y" in depths:
            top, scale = 2 ** depths["Y"] - 1, 2 ** (depths["Y"] - 8)
            rgb = [self.codes["Y"] / top if self.is_full_range else (self.codes["Y"] / scale - 16) / 219] * 3
        else:
            rgb = [
                self.codes[c] / (2 ** depths[c] - 1 if depths else 1) for c in ("YYY" if self.name in GREY else "RGB")
            ]
        alpha = self.codes.get("A", 1.0) / (2 ** depths["A"] - 1) if "A" in depths else self.codes.get("A", 1.0)
        return np.clip([*rgb, alpha], 0, 1)

    def planes(self, width: int, height: int, padding: int = 0) -> list[bytes]:
        """The rows of each plane, without a gap."""
        return [
            _unit(body, _HEAD.fullmatch(head), self.codes, padding) * _units(head, width) * _rows(head, height)
            for head, body in (line.split(":") for line in LAYOUTS[self.name])
        ]


def depths_of(name: str) -> dict[str, int]:
    """Bits of each component; nothing for floats."""
    fields = re.findall(r"([YUVARGB])(\d+)", " ".join(line.split(":")[1] for line in LAYOUTS[name]))
    return {component: int(bits) for component, bits in fields}


def colour(name: str, seed: int = 0, *, is_full_range: bool = False, matrix: str = "bt601") -> Flat:
    """A random colour that the format can hold."""
    random, depths = np.random.default_rng([seed, len(name), *name.encode()]), depths_of(name)
    letters = {c for line in LAYOUTS[name] for c in line.split(":")[1] if c in "YUVARGB"}
    if not depths:
        return Flat(name, {c: float(np.float16(random.random())) for c in sorted(letters)}, is_full_range=True)
    codes: Codes = {c: int(random.integers(0, 2**bits)) for c, bits in sorted(depths.items())}
    if name in YCBCR:
        y, u, v = reference.codes_of_rgb(random.random(3), matrix, depths["Y"], is_full_range=is_full_range)
        codes |= {"Y": int(y), "U": int(u), "V": int(v)}
    return Flat(name, codes, is_full_range=is_full_range or name in RGB, matrix=matrix)


def nut(folder: Path, flat: Flat, width: int, height: int, *, padding: int = 0, rate_change: bool = False) -> Path:
    """Six pictures of one colour as raw video; NUT tells formats apart and nothing else (no range, no matrix)."""
    path = folder / f"{flat.name}-{padding}-{rate_change:d}-{width}x{height}.nut"
    raw = b"".join(flat.planes(width, height, padding)) * 6
    late = ["-bsf:v", "setts=ts='if(lt(N,3),N,N*3)'"] if rate_change else []
    reading = ["-f", "rawvideo", "-pix_fmt", flat.name, "-s", f"{width}x{height}", "-r", "25", "-i", "pipe:0"]
    zscale_oracle.run([*reading, "-c:v", "copy", *late, str(path)], raw)
    return path


def _unit(body: str, head: Any, codes: Mapping[str, float], padding: int) -> bytes:
    is_float, bits, end = head.group(1), int(head.group(2)), head.group(3)
    words = b""
    for word in body.split("|"):
        if is_float:
            dtype = {"le": "<", "be": ">"}[end] + {32: "f4", 16: "f2"}[bits]
            words += np.array([codes[word.strip()]], dtype=dtype).tobytes()
            continue
        value = 0
        for field in word.split():
            length = int(field[1:])
            filled = ((1 << length) - 1) * padding if field[0] == "x" else int(codes[field[0]])
            value = value << length | filled
        words += value.to_bytes(bits // 8, "big" if end == "be" else "little")
    return words


def _units(head: str, width: int) -> int:
    _, _, _, group, wide, _ = _HEAD.fullmatch(head).groups()  # type: ignore[union-attr]
    samples = -(-width // int(wide or 1))
    return -(-samples // int(group or 1))


def _rows(head: str, height: int) -> int:
    return -(-height // int(_HEAD.fullmatch(head).group(6) or 1))  # type: ignore[union-attr]
