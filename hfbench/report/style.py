"""The style sheet of report pages: for light and dark settings, narrow windows, and paper."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --text: #1b1b1b; --page: #fff; --quiet: #555; --line: #ddd; --head: #f3f3f3;
  --link: #0058a3; --failed: #fff4ec; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e4e4e4; --page: #16181b; --quiet: #a9a9a9; --line: #3b3f45; --head: #24282d; --link: #7ab8f5;
    --failed: #3a2417; }
}
body { font: 16px/1.55 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 62rem;
  margin: 0 auto; padding: 0 1.25rem 4rem; overflow-wrap: break-word; }
nav { padding: .8rem 0; border-bottom: 1px solid var(--line); margin-bottom: 1.2rem; font-size: .92rem; }
nav > * { margin-right: 1.1rem; }
a { color: var(--link); }
h1 { font-size: 1.75rem; line-height: 1.25; }
h2 { font-size: 1.25rem; margin-top: 2.2rem; }
.scrolling { overflow-x: auto; max-width: 100%; margin: .6rem 0 1.2rem; }
table { border-collapse: collapse; font-size: .88rem; }
caption { text-align: left; color: var(--quiet); padding: .2rem 0; }
th, td { padding: .28rem .7rem; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: normal; }
th { background: var(--head); text-align: left; }
td { font-variant-numeric: tabular-nums; }
td.prose { min-width: 11rem; }
@media (max-width: 45rem) {
  .scrolling table { white-space: nowrap; }
  td.prose { white-space: normal; }
}
td.number { text-align: right; white-space: nowrap; }
td code { white-space: nowrap; }
code, pre { font: .88em ui-monospace, monospace; }
pre { background: var(--head); padding: .6rem .8rem; overflow-x: auto; white-space: pre-wrap; }
/* Figures are pictures with a white ground. */
figure img { background: #fff; border-radius: 4px; }
details > summary { cursor: pointer; color: var(--link); margin: .5rem 0; }
.anchor-link, .jp-InputPrompt, .jp-OutputPrompt { display: none; }
.failed { border-left: 6px solid #d55e00; padding: .4rem .8rem; background: var(--failed); }
dt { font-weight: bold; }
footer { margin-top: 3rem; color: var(--quiet); font-size: .85rem; border-top: 1px solid var(--line);
  padding-top: .6rem; }
@media print {
  .scrolling { overflow: visible; }
}
"""
