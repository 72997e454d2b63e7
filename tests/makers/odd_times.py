"""Files whose times are odd: a video that does not start with its container, joined recordings, lost or wrong times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av

from fixtures_gen.barcode import drawbox_chain
from tests.makers.clip_maker import ClipMaker, run_ffmpeg
from tests.makers.edit_lists import with_composition_offsets, without_table

SIZE, RATE, SECONDS = (192, 108), 30, 3
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "30")
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "2", "-bf", "2", "-g", "15")
THEORA = ("-c:v", "libtheora", "-q:v", "8", "-g", "30")
VP8 = ("-c:v", "libvpx", "-b:v", "2M", "-g", "30", "-deadline", "realtime")
MPEG4 = ("-c:v", "mpeg4", "-q:v", "2", "-g", "60", "-bf", "0")
#: Every container whose streams may start apart, with codecs that are at home there.
CONTAINERS = {
    "mp4": (X264, "aac"),
    "mov": (X264, "pcm_s16le"),
    "mkv": (X264, "flac"),
    "webm": (VP8, "libopus"),
    "ts": (X264, "aac"),
    "mpg": (MPEG2, "mp2"),
    "ogg": (THEORA, "libvorbis"),
    "flv": (X264, "aac"),
    "nut": (X264, "flac"),
}


@dataclass
class OddTimes:
    """Makes each file once a session, in one folder."""

    folder: Path
    make_clip: ClipMaker
    _made: dict[str, Path] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[Path], object]) -> Path:
        """The file of that name, made if it is not there."""
        if name not in self._made:
            path = self.folder / name
            make(path)
            self._made[name] = path
        return self._made[name]

    def clip(self, name: str, encoder: tuple[str, ...], first_id: int = 0) -> Path:
        """Three seconds at 30 fps with a barcode on every picture."""
        return self.make_clip(f"odd-{name}", seconds=SECONDS, size=SIZE, encoder=encoder, first_id=first_id)

    def led(self, extension: str, lead: float) -> Path:
        """With audio that begins ``lead`` seconds before the video (negative: after it)."""
        video, audio = CONTAINERS[extension]
        source = f"color=c=gray:s={SIZE[0]}x{SIZE[1]}:r={RATE}:d={SECONDS}"
        later = ("-itsoffset", str(abs(lead)))
        return self.once(
            f"lead{lead}.{extension}",
            lambda path: run_ffmpeg(
                path,
                *(*(later if lead > 0 else ()), "-f", "lavfi", "-i", source),
                *(*(later if lead < 0 else ()), "-f", "lavfi", "-i", f"sine=d={SECONDS + 6}:r=48000"),
                *("-filter_complex", f"[0:v]format=yuv444p,{drawbox_chain(*SIZE)},format=yuv420p[v]"),
                *("-fps_mode", "passthrough", "-map", "[v]", "-map", "1:a", *video, "-c:a", audio),
            ),
        )

    def joined(self, extension: str, offset: int, *, parts: int = 2) -> Path:
        """Recordings joined byte by byte; the clock of the second is ``offset`` seconds from the first's."""
        encoder = MPEG2 if extension == "mpg" else X264
        first = self.clip(f"first.{extension}", encoder)
        second = self.clip(f"second.{extension}", encoder, first_id=100)
        if offset:
            second = self.once(
                f"moved{offset}.{extension}",
                lambda path: run_ffmpeg(
                    path, "-i", str(second), "-c", "copy", "-output_ts_offset", str(abs(offset)), "-muxdelay", "0"
                ),
            )
        pair = [first, second] if offset >= 0 else [second, first]
        files = [*pair, first][:parts]
        name = f"joined{offset}-{parts}.{extension}"
        return self.once(name, lambda path: path.write_bytes(b"".join(file.read_bytes() for file in files)))

    def without_times(self, name: str, encoder: tuple[str, ...], keep: int) -> Path:
        """An MP4 whose composition times are lost, or are there for the first pictures alone."""
        whole = self.clip(f"whole-{name}.mp4", (*encoder, "-movflags", "-faststart"))
        return self.once(
            f"{name}-{keep}.mp4",
            lambda path: path.write_bytes(without_table(whole.read_bytes(), b"ctts", keep=keep)),
        )

    def with_offsets(self, name: str, encoder: tuple[str, ...], offsets: Sequence[int]) -> Path:
        """An MP4 whose composition times are not those of its stream."""
        whole = self.clip(f"whole-{name}.mp4", (*encoder, "-movflags", "-faststart"))
        return self.once(
            f"{name}-wrong.mp4", lambda path: path.write_bytes(with_composition_offsets(whole.read_bytes(), offsets))
        )

    def all_keys(self, extension: str) -> Path:
        """MPEG-4 of one keyframe each two seconds whose every packet is flagged as a keyframe."""
        return self.once(
            f"keys.{extension}",
            lambda path: remuxed(self.clip("keys.avi", MPEG4), path, lambda _, time: time, is_all_keys=True),
        )

    def disordered(self, name: str, number: int, by: int) -> Path:
        """VP8 in Matroska with one packet's time ``by`` milliseconds later."""
        return self.once(
            f"{name}.mkv",
            lambda path: remuxed(
                self.clip("vp8.webm", VP8), path, lambda at, time: time + by * (at == number), is_all_keys=False
            ),
        )

    def hidden_pictures(self) -> Path:
        """VP8 with alternate reference frames: seven or so packets of four seconds show nothing."""

        def make(path: Path) -> None:
            source = ("-f", "lavfi", "-i", f"testsrc2=s={SIZE[0]}x{SIZE[1]}:r={RATE}:d=4", "-c:v", "libvpx")
            how = ("-b:v", "150k", "-auto-alt-ref", "1", "-lag-in-frames", "16", "-quality", "good", "-cpu-used", "1")
            log = ("-passlogfile", str(path.with_suffix("")))
            for number in ("1", "2"):
                run_ffmpeg(path, *source, *how, "-arnr-maxframes", "5", "-pass", number, *log)

        return self.once("hidden.webm", make)


def remuxed(source: Path, path: Path, date: Callable[[int, int], int], *, is_all_keys: bool) -> None:
    """The packets of a file in another container, with other times or flags."""
    with av.open(str(source)) as read, av.open(str(path), "w") as written:
        stream = read.streams.video[0]
        target = written.add_stream_from_template(stream)
        for number, packet in enumerate(each for each in read.demux(stream) if each.size):
            time = packet.dts if packet.pts is None else packet.pts
            packet.pts, packet.dts = date(number, time), time
            packet.is_keyframe = packet.is_keyframe or is_all_keys
            packet.stream = target
            written.mux(packet)


def demuxed_times(path: Path) -> list[Fraction]:
    """Presentation times of the video, seconds from the start of the earliest stream: read with PyAV alone."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        times = [packet.pts * packet.time_base for packet in container.demux(stream) if packet.size]
        starts = [each.start_time * each.time_base for each in container.streams if each.start_time is not None]
    return sorted(time - min(starts) for time in times)
