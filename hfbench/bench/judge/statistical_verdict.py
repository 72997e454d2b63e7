"""The verdict on a metric that varies: what a judgement of its pairs means, in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hfbench.bench.judge.stats import State
from hfbench.bench.judge.verdict import Fail, Pass, Unsure

if TYPE_CHECKING:
    from hfbench.bench.judge.stats import Judgement, Rule
    from hfbench.bench.judge.verdict import Verdict


def statistical_verdict(change: str, judgement: Judgement, rule: Rule, where: str = "") -> Verdict:
    """The verdict of a judgement.

    Args:
        change: what changed by how much, for the reason.
        judgement: of the pairs.
        rule: that judged them.
        where: added to ``change`` where nothing could be decided.
    """
    match judgement.state:
        case State.PASS:
            return Pass()
        case State.FAIL:
            return Fail((change,))
        case State.CONTINUE:
            return Unsure((f"{change}: not decided yet",))
        case State.UNSURE:
            least = judgement.smallest_detectable
            seen = (
                f"a change of {least:+.1%} would have been seen"
                if math.isfinite(least)
                else f"too few pairs: fewer than {rule.least_pairs} can't show a regression here"
            )
            return Unsure((f"{change}{where}: {seen}",))
