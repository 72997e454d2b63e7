"""asv's site as a reader gets it: published, made self-contained, and served on this machine."""

from __future__ import annotations

import shutil
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from hfbench.history import site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SECONDS = 300


@dataclass(frozen=True)
class Served:
    """A site's address, and the paths that were asked for and are not there."""

    address: str
    missing: list[str] = field(default_factory=list)


def packages() -> list[str]:
    """What the module's docstring tells to install: the documented line is what is tested."""
    words = (site.__doc__ or "").partition("npm install")[2].split()
    return [word for word in words if "@" in word]


def make_self_contained(html: Path, work: Path) -> None:
    """Fetch the libraries with npm and put them beside the published page."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    options = ("--no-save", "--ignore-scripts", "--no-audit", "--no-fund")
    command = ["npm", "install", "--prefix", str(work), *options, *packages()]
    subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)
    site.make_self_contained(html, work / "node_modules")


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """The folder at an address of this machine, until the block ends."""
    missing: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            del size
            if int(code) >= 400:
                missing.append(self.path)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Served(f"http://127.0.0.1:{server.server_port}/", missing)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
