"""Variable frame rates. Every timestamp is integer arithmetic, here and in ffmpeg, so the truth is exact."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from fixtures_gen import encoders
from fixtures_gen.catalogue.parts import SdrClip, milliseconds, remux
from fixtures_gen.recipe import Encode, Recipe, Size, Step
from fixtures_gen.sources import Camera, Screen
from fixtures_gen.truth import BT709, FileTruth, Listed, Truth, Uniform

TICKS = 90_000

_SCREEN_RATE = 60
_SCREEN_FRAMES = 12 * _SCREEN_RATE
_BURST, _PERIOD, _BLINK = 48, 240, 97  # 0.8 s of every 4 s move; otherwise one frame in 97 (1.6 s)

_CAMERA_RATE = 30
_CAMERA_FRAMES = 180
_FILM_FRAMES = 72


@dataclass(frozen=True, slots=True)
class _Kept:
    """The frames that are left of a source: pairs of barcode and ticks, in order."""

    frames: tuple[tuple[int, int], ...]
    last: Fraction

    def truth(self, name: str, size: Size, notes: str = "") -> FileTruth:
        """Truth of an H.264 MP4 file that holds exactly these."""
        return FileTruth(
            name=name,
            codec="h264",
            pix_fmt="yuv420p",
            width=size.width,
            height=size.height,
            time_base=Fraction(1, TICKS),
            timing=Listed(tuple(ticks for _, ticks in self.frames), Fraction(1, TICKS)),
            frame_ids=tuple(frame for frame, _ in self.frames),
            frame_rate=None,
            last_duration=self.last,
            notes=notes,
        )


def _retimed(output: str, source: Camera | Screen, filters: str, params: str = "") -> Encode:
    """An H.264 MP4 whose timestamps are what the filters made of them."""
    chain = f"{encoders.setparams(BT709)},{filters}"
    return Encode(output, source, ("-vf", chain, *encoders.x264(params=params), *encoders.passthrough(TICKS)))


def _screen(size: Size) -> Screen:
    return Screen(size.width, size.height, Fraction(_SCREEN_RATE), _SCREEN_FRAMES)


_SCREEN_KEPT = _Kept(
    tuple((n, n * TICKS // _SCREEN_RATE) for n in range(_SCREEN_FRAMES) if n % _PERIOD < _BURST or n % _BLINK == 0),
    Fraction(1, _SCREEN_RATE),
)
# In whole frames: the obvious mod(t,4)<0.8 lets frame 288 through, where 4.8-4 is below 0.8 in binary.
_SCREEN_FILTERS = f"select='lt(mod(n,{_PERIOD}),{_BURST})+eq(mod(n,{_BLINK}),0)',settb=1/{TICKS}"
_TOO_SHORT = "with B-frames the container declares a duration that ends before the last frames"


def _screen_steps(size: Size) -> tuple[Step, ...]:
    plain = _retimed("screen.mp4", _screen(size), _SCREEN_FILTERS, "bframes=0")
    return plain, _retimed("screen-b-frames.mp4", _screen(size), _SCREEN_FILTERS, "bframes=3")


def _screen_truth(size: Size) -> Truth:
    plain = _SCREEN_KEPT.truth("screen.mp4", size)
    return Truth((plain, _SCREEN_KEPT.truth("screen-b-frames.mp4", size, _TOO_SHORT)))


@dataclass(frozen=True, slots=True)
class _CameraTimes:
    """A camera of 6 s at 30 fps whose frames are dropped or moved in time."""

    output: str
    filters: str
    kept: _Kept

    def steps(self, size: Size) -> tuple[Step, ...]:
        """The one ffmpeg run."""
        camera = Camera(size.width, size.height, Fraction(_CAMERA_RATE), _CAMERA_FRAMES)
        return (_retimed(self.output, camera, self.filters),)

    def truth(self, size: Size) -> Truth:
        """The one file."""
        return Truth((self.kept.truth(self.output, size),))


_STEP = TICKS // _CAMERA_RATE
_LAST = Fraction(1, _CAMERA_RATE)
_JITTER = _CameraTimes(
    "jitter.mp4",
    # 721 values of 1/90000 s spread by a prime step: up to 8 ms late, that is +-4 ms around the mean.
    f"settb=1/{TICKS},setpts='N*{_STEP}+mod(N*7919,721)'",
    # setpts forgets durations, so the muxer gives the last frame that of the one before: 7919 mod 721 is 709.
    _Kept(
        tuple((n, n * _STEP + n * 7919 % 721) for n in range(_CAMERA_FRAMES)),
        Fraction(_STEP + 709 - 721, TICKS),
    ),
)
_DROPPED = _CameraTimes(
    "dropped.mp4",
    f"select='not(between(mod(n,37),10,12))',settb=1/{TICKS}",
    _Kept(tuple((n, n * _STEP) for n in range(_CAMERA_FRAMES) if not 10 <= n % 37 <= 12), _LAST),
)
_FILM_STEP = TICKS // 24
_SWITCHED = _CameraTimes(
    "24-then-30.mp4",
    f"settb=1/{TICKS},setpts='if(lt(N,{_FILM_FRAMES}),N*{_FILM_STEP},{_FILM_FRAMES * _FILM_STEP}+"
    f"(N-{_FILM_FRAMES})*{_STEP})'",
    _Kept(
        tuple(
            (n, n * _FILM_STEP if n < _FILM_FRAMES else _FILM_FRAMES * _FILM_STEP + (n - _FILM_FRAMES) * _STEP)
            for n in range(_CAMERA_FRAMES)
        ),
        _LAST,
    ),
)


_NTSC = Fraction(30_000, 1001)  # at 30 fps FLV's milliseconds happen to give two equal rates


def _trap_parts(size: Size) -> SdrClip:
    return SdrClip("cfr.mp4", size, 90, rate=_NTSC, params="bframes=0")


def _trap_steps(size: Size) -> tuple[Step, ...]:
    held = _retimed("held.mp4", _screen(size), _SCREEN_FILTERS, "bframes=0")
    cfr = _trap_parts(size)
    ts = ("-muxdelay", "0", "-muxpreload", "0")
    return (
        held,
        remux("vfr-holds.mkv", "held.mp4"),
        cfr.step(),
        remux("cfr.flv", "cfr.mp4"),
        remux("cfr.ts", "cfr.mp4", *ts),
        remux("cfr.mkv", "cfr.mp4"),
    )


def _trap_truth(size: Size) -> Truth:
    ms = Fraction(1, 1000)
    held = _SCREEN_KEPT.truth("vfr-holds.mkv", size, "ffmpeg's avg and r frame rates agree, yet it is variable")
    rounded = tuple((2000 * ticks // TICKS + 1) // 2 for _, ticks in _SCREEN_KEPT.frames)
    held = replace(held, time_base=ms, timing=Listed(rounded, ms), last_duration=None)
    base = replace(_trap_parts(size).truth(), time_base=ms, timing=milliseconds(_NTSC, 90), last_duration=None)
    flv = replace(base, name="cfr.flv", container=None, notes="avg and r frame rates differ, yet it is constant")
    uniform = Uniform(Fraction(0), 1 / _NTSC, 90)
    ts = replace(flv, name="cfr.ts", time_base=Fraction(1, TICKS), timing=uniform, last_duration=1 / _NTSC, notes="")
    return Truth((held, flv, ts, replace(base, name="cfr.mkv")))


def _recipe(name: str, title: str, times: _CameraTimes) -> Recipe:
    return Recipe(name, title, frozenset({"vfr", "sdr"}), Size.P360, times.steps, times.truth)


RECIPES = (
    Recipe(
        name="vfr-screen-recording",
        title="12 s of screen recording: 60 fps bursts of 0.8 s, then holds of up to 1.6 s",
        tags=frozenset({"headline", "vfr", "sdr"}),
        default_size=Size.P720,
        steps=_screen_steps,
        truth=_screen_truth,
    ),
    _recipe("vfr-phone-jitter", "6 s at 30 fps, each frame up to 4 ms early or late, as phones record", _JITTER),
    _recipe("vfr-dropped", "6 s at 30 fps where 3 of every 37 frames are missing", _DROPPED),
    _recipe("vfr-24-30", "3 s at 24 fps, then 30 fps", _SWITCHED),
    Recipe(
        name="vfr-verdict-traps",
        title="files that ffmpeg's two frame rates judge wrongly, in MKV, FLV and TS",
        tags=frozenset({"vfr", "sdr", "container"}),
        default_size=Size.P180,
        steps=_trap_steps,
        truth=_trap_truth,
    ),
)
