"""Colour vocabulary after ITU-T H.273 (07/2024): code points, tag sets, HDR targets. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import Enum, IntEnum
from typing import Final, Self

#: H.273: the value that says "not known here".
UNSPECIFIED: Final = 2


class Primaries(IntEnum):
    """ColourPrimaries, H.273 table 2."""

    BT709 = 1
    UNSPECIFIED = 2
    BT470M = 4
    BT470BG = 5
    SMPTE170M = 6
    SMPTE240M = 7
    FILM = 8
    BT2020 = 9
    SMPTE428 = 10
    SMPTE431 = 11
    SMPTE432 = 12
    EBU3213 = 22


class Transfer(IntEnum):
    """TransferCharacteristics, H.273 table 3."""

    BT709 = 1
    UNSPECIFIED = 2
    GAMMA22 = 4
    GAMMA28 = 5
    SMPTE170M = 6
    SMPTE240M = 7
    LINEAR = 8
    LOG100 = 9
    LOG316 = 10
    IEC61966_2_4 = 11
    BT1361E = 12
    IEC61966_2_1 = 13
    BT2020_10 = 14
    BT2020_12 = 15
    SMPTE2084 = 16
    SMPTE428 = 17
    ARIB_STD_B67 = 18


class Matrix(IntEnum):
    """MatrixCoefficients, H.273 table 4."""

    RGB = 0
    BT709 = 1
    UNSPECIFIED = 2
    FCC = 4
    BT470BG = 5
    SMPTE170M = 6
    SMPTE240M = 7
    YCGCO = 8
    BT2020_NCL = 9
    BT2020_CL = 10
    SMPTE2085 = 11
    CHROMA_NCL = 12
    CHROMA_CL = 13
    ICTCP = 14


class ColorRange(IntEnum):
    """Sample range as FFmpeg numbers it (H.273 VideoFullRangeFlag plus "unspecified")."""

    UNSPECIFIED = 0
    LIMITED = 1
    FULL = 2


class HdrTarget(Enum):
    """The HDR transfer that a whole composition is rendered in. PQ wins where a composition holds both."""

    PQ = "pq"
    HLG = "hlg"

    @property
    def transfer(self) -> Transfer:
        """The H.273 transfer of the target."""
        return Transfer.SMPTE2084 if self is HdrTarget.PQ else Transfer.ARIB_STD_B67


@dataclass(frozen=True, slots=True)
class ColorTags:
    """The four facts that give pixel values their meaning. Numbers outside the tables are kept as plain ints."""

    primaries: int = Primaries.UNSPECIFIED
    transfer: int = Transfer.UNSPECIFIED
    matrix: int = Matrix.UNSPECIFIED
    range: int = ColorRange.UNSPECIFIED

    def merged_over(self, other: Self) -> Self:
        """These tags, with ``other`` taken field by field where these say unspecified."""
        return replace(
            self,
            **{
                field.name: getattr(other, field.name)
                for field in fields(self)
                if getattr(self, field.name) == _UNSPECIFIED_BY_FIELD[field.name]
            },
        )

    def conflicts_with(self, other: Self) -> tuple[str, ...]:
        """Names of the fields in which both say something, and not the same."""
        return tuple(
            field.name
            for field in fields(self)
            if _UNSPECIFIED_BY_FIELD[field.name] not in {getattr(self, field.name), getattr(other, field.name)}
            and getattr(self, field.name) != getattr(other, field.name)
        )

    @property
    def hdr_target(self) -> HdrTarget | None:
        """HDR means transfer 16 (PQ) or 18 (HLG), nothing else: BT.2020 primaries alone are SDR."""
        return next((target for target in HdrTarget if target.transfer == self.transfer), None)


_UNSPECIFIED_BY_FIELD: Final = {
    "primaries": Primaries.UNSPECIFIED,
    "transfer": Transfer.UNSPECIFIED,
    "matrix": Matrix.UNSPECIFIED,
    "range": ColorRange.UNSPECIFIED,
}


def target_of(tags: list[ColorTags]) -> HdrTarget | None:
    """The HDR target of a composition from its clips' tags: PQ wins over HLG; None when every clip is SDR."""
    found = {each.hdr_target for each in tags}
    return next((target for target in (HdrTarget.PQ, HdrTarget.HLG) if target in found), None)
