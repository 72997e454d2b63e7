"""Makes asv's site self-contained: it loads libraries from other hosts, which may fail and shows them every reader.

``python -m hfbench.history.site .asv/html node_modules`` copies the libraries next to the page, after::

    npm install --no-save --ignore-scripts jquery@3.3.1 flot@0.8.3 flot-orderbars@1.0.0 stupid-table-plugin@1.1.3 \
        blueimp-md5@2.19.0 bootstrap@3.1.1
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from types import MappingProxyType
from typing import Final

from hfbench.errors import OutputError, UsageError

#: End of the address in asv 0.6.6's page -> the file in the npm package.
_LIBRARIES: Final = MappingProxyType(
    {
        "jquery-3.3.1.min.js": "jquery/dist/jquery.min.js",
        "jquery.flot.min.js": "flot/jquery.flot.js",
        "jquery.flot.time.min.js": "flot/jquery.flot.time.js",
        "jquery.flot.selection.min.js": "flot/jquery.flot.selection.js",
        "jquery.flot.categories.min.js": "flot/jquery.flot.categories.js",
        "jquery.flot.orderBars.js": "flot-orderbars/js/jquery.flot.orderBars.js",
        "stupidtable.min.js": "stupid-table-plugin/stupidtable.min.js",
        "md5.min.js": "blueimp-md5/js/md5.min.js",
        "bootstrap.min.js": "bootstrap/dist/js/bootstrap.min.js",
        "bootstrap.min.css": "bootstrap/dist/css/bootstrap.min.css",
    }
)
_FONTS: Final = "bootstrap/dist/fonts"
_SCRIPT: Final = re.compile(r'<script src="(https://[^"]+)"[^>]*>')
_STYLE: Final = re.compile(r'<link rel="stylesheet" href="(https://[^"]+)"[^>]*>')
_ARGUMENTS: Final = 2


def make_self_contained(site: Path, packages: Path) -> tuple[str, ...]:
    """Copy what the page loads from other hosts to ``site/libraries`` and make it load that; returns what was copied.

    Args:
        site: the folder that ``asv publish`` wrote.
        packages: npm's ``node_modules``.

    Raises:
        UsageError: a library is unknown or missing, or there is no site.
        OutputError: the site can't be written.
    """
    index = site / "index.html"
    if not index.is_file():
        raise UsageError(f"{index} is missing: run asv publish first")
    page = index.read_text(encoding="utf-8")
    addresses = _SCRIPT.findall(page) + _STYLE.findall(page)
    chosen = {address: _library(address, packages) for address in addresses}
    try:
        copied = [_copy(source, packages, site) for source in chosen.values()]
        if (packages / _FONTS).is_dir():  # the style sheet asks for ../fonts
            shutil.copytree(packages / _FONTS, site / "libraries" / _FONTS, dirs_exist_ok=True)
        local = {address: f"libraries/{source}" for address, source in chosen.items()}
        page = _SCRIPT.sub(lambda tag: f'<script src="{local[tag[1]]}">', page)
        page = _STYLE.sub(lambda tag: f'<link rel="stylesheet" href="{local[tag[1]]}">', page)
        index.write_text(page, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"can't write {site}: {error}") from error
    return tuple(copied)


def _library(address: str, packages: Path) -> str:
    source = _LIBRARIES.get(address.rpartition("/")[2])
    if source is None:
        raise UsageError(f"asv's page loads {address}, which this hfbench does not know: it knows asv 0.6.6")
    if not (packages / source).is_file():
        raise UsageError(f"{source} is not in {packages}: npm install --no-save {source.partition('/')[0]}")
    return source


def _copy(source: str, packages: Path, site: Path) -> str:
    target = site / "libraries" / source
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(packages / source, target)
    return source


if __name__ == "__main__":
    if len(sys.argv) != _ARGUMENTS + 1:
        sys.exit("usage: python -m hfbench.history.site SITE NODE_MODULES")
    try:
        make_self_contained(Path(sys.argv[1]), Path(sys.argv[2]))
    except (UsageError, OutputError) as error:
        sys.exit(error.message)
