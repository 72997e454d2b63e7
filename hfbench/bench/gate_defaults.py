"""How a gate measures by default: one value for the library and for the command.

Standard library only: the command line reads these for ``--help``.
"""

from __future__ import annotations

from typing import Final

#: Numbers of pairs after which a decision may be made. The first must be large enough for the exact test to reach the
#: smallest error rate in use: 2**-15 is below .01 / 5 / 60.
LOOKS: Final = (15, 20, 30, 40, 60)
#: Runs of each side inside one pair; the pair counts their medians.
REPEATS: Final = 4
#: Canary pairs per real pair.
CANARY_SHARE: Final = 0.5
#: Pairs after which all engines are restarted and warmed up.
PAIRS_PER_PROCESS: Final = 5
