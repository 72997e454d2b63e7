# ruff: noqa: T201  a script tells its story on stdout
"""The gate's error rates as docs/gate.md tells them: a script, not a test; it replays for some minutes.

    python -m tests.scripts.noise_report [--replays 2000] [--repeats 4]

Every row: recorded runs of unchanged work, replayed as a gate would have met them (tests/makers/noise_replay.py). Where
nothing changed, all cases of a gate are judged and any of them counts; where something did, it is one case of so many,
and that one counts.
"""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np

from hfbench.bench.judge.stats import CPU_RULE, LOOKS, State
from tests.makers.noise_replay import NAIVE, RECORDINGS, REPEATS, Design, Rate, blocks, draw, load, outcomes

EFFECTS = (0.0, 0.03, 0.05, 0.10)


def report(name: str, design: Design, replays: int) -> None:
    recording = load(name)["cpu"]
    print(f"\n{name}: {recording.size} runs, {design.groups(recording)} pairs that share no run")
    print("| change | cases | FAIL | PASS | UNSURE | canary fails | pairs: median, mean, most |")
    print("|---|---|---|---|---|---|---|")
    for effect in EFFECTS:
        for family in (1, 10):
            rng = np.random.default_rng(round(1000 * effect) + family)
            rule, judged = CPU_RULE.for_family(family), 1 if effect else family
            found = outcomes(rule, partial(draw, rng, recording, effect, design), judged, replays)
            used = np.array(sorted(found.pairs.elements()))
            rates = (*(found.any(state) for state in (State.FAIL, State.PASS, State.UNSURE)), found.void)
            pairs = f"{np.median(used):g}, {used.mean():.1f}, {used.max()}"
            print(f"| {effect:+.0%} | {family} | {' | '.join(map(str, rates))} | {pairs} |", flush=True)


def report_naive(name: str, design: Design, replays: int) -> None:
    print(f"\n{name}: false alarms of naive gates, one side after the other")
    for naive, metric in NAIVE:
        for size in (LOOKS[0], LOOKS[0] * design.repeats):
            rng = np.random.default_rng(size)
            alarms = naive(*blocks(rng, load(name)[metric], size, replays))
            print(f"{naive.__name__} on {metric} time, {size} runs a side: {Rate(int(alarms.sum()), replays)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replays", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=REPEATS, help="runs of each side in a pair")
    asked = parser.parse_args()
    print(f"{asked.repeats} runs of each side in a pair, {asked.replays} replays a row; 95% intervals")
    for name in RECORDINGS:
        report(name, Design(repeats=asked.repeats), asked.replays)
        report_naive(name, Design(repeats=asked.repeats), asked.replays)


if __name__ == "__main__":
    main()
