"""The report prints, agrees with the tests, and its exit code tells."""

from __future__ import annotations

from tests.makers import measures
from tests.scripts import colour_report


def test_quick_report_passes(capsys):
    assert colour_report.main(["--quick"]) == 0
    printed = capsys.readouterr().out
    assert "FAIL" not in printed
    assert "every bound holds" in printed
    for word in ("ColorChecker", "white", "black", "gamut", "without npl", "png16", "jpg"):
        assert word in printed


def test_negative_control_a_broken_bound_is_exit_code_1(capsys, monkeypatch):
    monkeypatch.setattr(colour_report, "patch_table", lambda *_: iter(()))
    monkeypatch.setattr(measures, "WHITE_CODE", {"pq": 65535, "hlg": 49143})  # where HyperFrames puts white
    assert colour_report.main(["--quick"]) == 1
    assert capsys.readouterr().out.count("FAIL") == 1
