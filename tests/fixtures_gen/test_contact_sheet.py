from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from fixtures_gen import Request, Size, Store, read_barcode
from fixtures_gen.contact_sheet import COLUMNS, ROWS, contact_sheet

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("name", "step"), [("untagged", 2), ("hlg", 2), ("vfr-phone-jitter", 15)])
def test_tiles_show_evenly_spaced_frames(store: Store, tmp_path: Path, name: str, step: int) -> None:
    [entry] = store.ensure([Request(name, Size.P180)])
    truth = store.truth(name, Size.P180).files[0]
    sheet = contact_sheet(store.program, entry.folder / truth.name, truth, tmp_path / "new" / "sheet%d.png")
    picture = np.asarray(Image.open(sheet).convert("RGB"))
    seen = [
        read_barcode(picture[row * 184 : row * 184 + 180, column * 324 : column * 324 + 320])
        for row in range(ROWS)
        for column in range(COLUMNS)
    ]
    assert seen == [step * k for k in range(COLUMNS * ROWS)]
