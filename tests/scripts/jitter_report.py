# ruff: noqa: T201  a script tells its story on stdout
"""The table of docs/gate.md on counters that vary from run to run. A row is ``--gates`` gates; it takes a minute.

python -m tests.scripts.jitter_report [--gates 2000] [--share 0.01 ...] [--counters 1 3] [--repeats 4]
"""

from __future__ import annotations

import argparse
from collections import Counter

from tests.makers.jitter_replay import JitterGate
from tests.makers.noise_replay import Rate, load


def main() -> None:
    """Print a row a combination."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gates", type=int, default=2000)
    parser.add_argument("--share", type=float, nargs="*", default=[0, 0.01, 0.02, 0.05, 0.20])
    parser.add_argument("--counters", type=int, nargs="*", default=[1, 3])
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--more", type=int, default=0)
    given = parser.parse_args()
    print("| odd runs | counters | runs a pair | gates | FAIL | UNSURE | COULD_NOT_MEASURE | pairs, median |")
    print("|---|---|---|---|---|---|---|---|")
    recording = load("aa_ffmpeg")["cpu"]
    for share in given.share:
        for counters in given.counters:
            gate = JitterGate(recording, share, counters, given.repeats, given.more)
            ended = [gate.run(seed) for seed in range(given.gates)]
            verdicts = Counter(each.verdict for each in ended)
            rates = [Rate(verdicts[name], given.gates) for name in ("FAIL", "UNSURE", "COULD_NOT_MEASURE")]
            pairs = sorted(each.pairs for each in ended)[given.gates // 2]
            cells = [f"{share:.0%}", counters, given.repeats, given.gates, *rates, pairs]
            print(f"| {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    main()
