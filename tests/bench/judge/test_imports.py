from __future__ import annotations

import json
import subprocess
import sys

JUDGEMENT = (
    "judge.stats",
    "judge.verdict",
    "judge.budgets",
    "judge.comparability",
    "judge.compare",
    "judge.comparison",
    "judge.terms",
    "judge.saved_records",
    "judge.gate_rule",
    "render.annotations",
    "render.json_format",
    "render.junit",
    "render.markdown",
)
#: The engine, and libraries that a look at a saved record must not wait for.
ABSENT = {
    "hfbench.bench.measure",
    "hfbench.bench.machine",
    "subprocess",
    "hfbench.engine",
    "hfbench.backends",
    "fixtures_gen",
    "av",
    "pandas",
    "scipy",
    "psutil",
    "imageio_ffmpeg",
}


def test_judgement_works_without_the_engine_and_without_extras() -> None:
    imports = "; ".join(f"import hfbench.bench.{name}" for name in JUDGEMENT)
    code = f"{imports}; import json, sys; print(json.dumps(sorted(sys.modules)))"
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    loaded = set(json.loads(printed))
    assert "hfbench.bench.judge.gate_rule" in loaded
    assert not loaded & ABSENT
