"""Where backends find the cube file of a colour map."""

from __future__ import annotations

from hfbench.home import cubes_folder
from hfbench.model.plan import ColorMap, GamutSwap
from hfbench.pixels.cube import cube_file


def cube_of(color: ColorMap | None) -> str:
    """The map's cube file, made where it is missing; empty where the map needs none.

    Raises:
        MachineError: it can't be stored anywhere.
    """
    return "" if color is None or isinstance(color, GamutSwap) else str(cube_file(color, cubes_folder()))
