"""A real browser without a window, for tests that look at pages."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--enable-logging=stderr",
    "--virtual-time-budget=8000",
    "--window-size=1100,1400",
)
_CONSOLE = re.compile(r"INFO:CONSOLE[^\]]*\] (.*)")
_SECONDS = 90


@dataclass(frozen=True)
class Page:
    """A page after its scripts have run, and what it wrote to the console."""

    document: BeautifulSoup
    console: tuple[str, ...]


class Browser:
    """Chromium, a fresh profile for every page."""

    def __init__(self, program: str) -> None:
        self._program = program

    @staticmethod
    def find() -> Browser | None:
        found = next((path for name in _NAMES if (path := shutil.which(name))), None)
        return Browser(found) if found else None

    def page(self, address: str) -> Page:
        done = self._run("--dump-dom", address)
        return Page(BeautifulSoup(done.stdout, "html5lib"), tuple(_CONSOLE.findall(done.stderr)))

    def colours_shown(self, address: str) -> int:
        """Saturated colours that cover at least 20 pixels of the first screen: an empty page has none."""
        from PIL import Image

        with tempfile.TemporaryDirectory() as folder:
            picture = Path(folder) / "page.png"
            self._run(f"--screenshot={picture}", address)
            with Image.open(picture) as image:
                counted = image.convert("RGB").getcolors(2**24) or []
        return sum(count >= 20 and max(rgb) - min(rgb) > 60 for count, rgb in counted if isinstance(rgb, tuple))

    def evaluate(self, page: Path, expression: str, *, window: int = 1100, is_dark: bool = False) -> Any:
        """The JSON value of a JavaScript expression in a file's page, at a window width in CSS pixels."""
        script = f"<script>document.title = JSON.stringify({expression})</script>"
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "page.html"
            copy.write_text(page.read_text(encoding="utf-8") + script, encoding="utf-8")
            scheme = f"--blink-settings=preferredColorScheme={0 if is_dark else 1}"
            done = self._run("--dump-dom", scheme, f"--window-size={window},900", copy.as_uri())
        return json.loads(BeautifulSoup(done.stdout, "html5lib").select("title")[0].text)

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryDirectory(prefix="hfbench-browser-", ignore_cleanup_errors=True) as profile:
            command = [self._program, *_OPTIONS, f"--user-data-dir={profile}", *words]
            return subprocess.run(command, check=True, capture_output=True, text=True, timeout=_SECONDS)
