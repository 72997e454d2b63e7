"""What the pictures of a source are: size, crop, sample aspect ratio, alpha, and what is unusual about them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from hfbench.backends.base import MAX_PIXELS, ClipTrouble
from hfbench.backends.libav.alpha_layer import has_alpha_layer
from hfbench.backends.libav.files import moving_streams
from hfbench.backends.libav.frame_facts import has_alpha, has_other_views, tags_of
from hfbench.model.result import FailureKind

if TYPE_CHECKING:
    from pathlib import Path

    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

    from hfbench.backends.libav.container_facts import ContainerFacts
    from hfbench.color import ColorTags
    from hfbench.model.media import Crop

Note = tuple[str, str]
#: No camera or anamorphic lens comes near it: a larger sample aspect ratio is an error in the file.
_LARGEST_ASPECT: Final = 16


@dataclass(frozen=True, slots=True)
class Shape:
    """Size after the crop, in decoded pixels, and how its samples are stretched for display."""

    width: int
    height: int
    crop: Crop | None
    sample_aspect_ratio: Fraction
    notes: tuple[Note, ...]


def refuse_huge(name: str, width: int, height: int) -> None:
    """Refuse pictures that would take gigabytes.

    Raises:
        ClipTrouble: more than :data:`MAX_PIXELS`.
    """
    if width * height > MAX_PIXELS:
        message = f"{name} is {width}x{height}: more than the {MAX_PIXELS} pixels that hfbench handles; make it smaller"
        raise ClipTrouble(FailureKind.TOO_LARGE, message)


def shape_of(frame: VideoFrame, stream: VideoStream, facts: ContainerFacts, path: Path) -> Shape:
    """The shape of a stream's pictures.

    Raises:
        ClipTrouble: the written picture would be larger than :data:`MAX_PIXELS`.
    """
    crop = facts.crop_of(frame.width, frame.height)
    width, height = frame.width, frame.height
    if crop is not None:
        width, height = width - crop.left - crop.right, height - crop.top - crop.bottom
    aspect = _aspect_of(frame, stream, facts, (width, height))
    refuse_huge(path.name, round(width * aspect), height)
    if 1 / Fraction(_LARGEST_ASPECT) <= aspect <= _LARGEST_ASPECT and round(width * aspect) >= 1:
        return Shape(width, height, crop, aspect, ())
    message = f"the sample aspect ratio {aspect.numerator}:{aspect.denominator} can't be meant: 1:1 is used"
    return Shape(width, height, crop, Fraction(1), (("odd_aspect", message),))


def _aspect_of(frame: VideoFrame, stream: VideoStream, facts: ContainerFacts, cropped: tuple[int, int]) -> Fraction:
    """The stream's sample aspect ratio.

    Without ``pasp``, libavformat takes it from the track's presentation size and the whole picture; where the container
    crops, that size is the cropped picture's.
    """
    stated = stream.sample_aspect_ratio
    aspect = Fraction(stated) if stated else Fraction(1)
    if facts.presented_size is None or cropped == (frame.width, frame.height):
        return aspect
    presented = facts.presented_size[0] / facts.presented_size[1]
    is_derived = abs(aspect - presented * frame.height / frame.width) < Fraction(1, 1000)
    return presented * cropped[1] / cropped[0] if is_derived and aspect != 1 else aspect


def picture_notes(
    container: InputContainer, stream: VideoStream, frame: VideoFrame, facts: ContainerFacts, container_tags: ColorTags
) -> tuple[Note, ...]:
    """What is unusual about the pictures, and true of the whole file."""
    notes = []
    moving = moving_streams(container)
    if len(moving) > 1:
        message = f"the file has {len(moving)} video streams: number {stream.index} is used (default or largest)"
        notes.append(("several_video_streams", message))
    fields = tags_of(frame).conflicts_with(container_tags)
    if fields:
        message = f"container and bitstream disagree about {', '.join(fields)}: the bitstream is believed"
        notes.append(("conflicting_tags", message))
    return (*notes, *_layer_notes(stream, frame, facts))


def _layer_notes(stream: VideoStream, frame: VideoFrame, facts: ContainerFacts) -> tuple[Note, ...]:
    if has_alpha_layer(stream) and not has_alpha(frame):
        message = "the video has an alpha layer that can't be decoded: the frames are opaque"
        return (("alpha_not_decoded", message),)
    if has_other_views(frame) or facts.has_more_layers:
        return (("base_view_only", "the video has several views (MV-HEVC): the base view is used"),)
    return ()
