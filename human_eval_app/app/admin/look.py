"""How the admin pages look: pieces of HTML with every text escaped, in colours for light and dark."""

import re
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding: 1.6rem 2.5rem 4rem; max-width: 76rem; }
[data-testid="stHeader"], [data-testid="stElementContainer"]:has([data-page]) { display: none; }
.st-key-part button[aria-checked=true] p { color: light-dark(#12305f, #ffffff); }
.adm { --ink-soft: light-dark(#566070, #a9b2bf); --line: light-dark(#dfe3e8, #3b4048);
  --complete: light-dark(#1d55b8, #8ab4f8); --active: light-dark(#7fa9ee, #4a73b8);
  --away: light-dark(#b45309, #f2b35c); --free: light-dark(#e4e7ec, #363b44); --bad: light-dark(#b42318, #f79d92);
  font-variant-numeric: tabular-nums; line-height: 1.45; }
.adm h1 { font-size: 1.75rem; font-weight: 650; padding: 0; margin: 0 0 .2rem;
  line-height: 1.25; overflow-wrap: anywhere; }
.adm h2 { font-size: 1.15rem; font-weight: 650; padding: 0; margin: .6rem 0 .15rem; }
.adm .db-scroll + h2, .adm dl + h2, .adm ul + h2 { margin-top: 1.8rem; }
.adm p { margin: 0 0 .35rem; max-width: 62rem; }
.adm > p:only-child { margin: 0; }
.adm .tiles + p { margin-top: .6rem; }
.adm .soft { color: var(--ink-soft); }
.adm .small { font-size: .875rem; }
.adm code { background: none; padding: 0; color: inherit; font-size: .85em; }
.adm table { border-collapse: collapse; width: 100%; }
.adm th { font-weight: 600; text-align: left; font-size: .8rem; color: var(--ink-soft); padding: .3rem .8rem .3rem 0;
  border-bottom: 1px solid var(--line); }
.adm td { padding: .38rem .8rem .38rem 0; border: 0; border-bottom: 1px solid var(--line); vertical-align: middle; }
.adm td.num, .adm th.num { text-align: right; white-space: nowrap; }
.adm td:has(.bar) { width: 42%; padding-right: 1.5rem; }
.adm caption { caption-side: top; text-align: left; font-weight: 600; padding: 1rem 0 .2rem; }
.adm .said { white-space: pre-wrap; overflow-wrap: anywhere; }
.adm .db-num { text-align: right; white-space: nowrap; } .adm .db-interval { color: var(--ink-soft); }
.adm .db-scroll { overflow-x: auto; } .adm h3:empty { display: none; }
.adm .chart { display: block; max-width: max(100%, 60rem); margin-bottom: .8rem; border-radius: 8px; background: #fff; }
.adm .bar { display: flex; gap: 2px; height: .85rem; min-width: 8rem; }
.adm .bar > span { border-radius: 2px; min-width: 3px; }
.adm .complete { background: var(--complete); } .adm .active { background: var(--active); }
.adm .away { background: var(--away); } .adm .free { background: var(--free); }
.adm .legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; font-size: .85rem; margin: .1rem 0 .5rem; }
.adm .legend i { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px; margin-right: .4rem;
  vertical-align: -.08rem; }
.adm .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.5rem, 1fr)); gap: .4rem 1.4rem; }
.adm .tiles div { border-top: 2px solid var(--line); padding: .45rem 0 .2rem; }
.adm .tiles b { display: block; font-size: 1.6rem; font-weight: 600; line-height: 1.2; }
.adm .tiles b small { font-size: 1rem; font-weight: 400; color: var(--ink-soft); }
.adm .tiles span { font-size: .85rem; color: var(--ink-soft); }
.adm dl { padding: 0; display: grid; grid-template-columns: minmax(8rem, 12rem) 1fr; gap: .35rem 1rem; margin: 0; }
.adm dt { color: var(--ink-soft); margin: 0; padding: 0; font-weight: 400; }
.adm dt::first-letter { text-transform: uppercase; }
.adm dd { margin: 0; padding: 0; overflow-wrap: anywhere; }
.adm .mark { font-weight: 600; color: var(--away); } .adm .bad { font-weight: 600; color: var(--bad); }
.adm .state { font-weight: 600; } .adm .state::before { content: "●"; margin-right: .4rem; }
.adm .state.open::before { color: light-dark(#15803d, #6ee7a0); } .adm .state.paused::before { color: var(--away); }
.adm .state.closed::before { color: var(--ink-soft); }
@media (max-width: 64rem) { .st-key-head > :first-child { flex: 1 1 100%; } }
@media (max-width: 40rem) {
  [data-testid="stMainBlockContainer"] { padding: 1rem 1rem 3rem; }
  .adm td, .adm th { padding-right: .5rem; } .adm td.num, .adm th.num { white-space: normal; }
  .adm td:has(.bar), .adm th:empty, .adm .legend { display: none; }
  .adm dl { grid-template-columns: minmax(0, 1fr); gap: 0; } .adm dd { margin-bottom: .6rem; }
}
</style>"""
# Streamlit leaves what a run will replace on the screen until it does; of another part of the page, that misleads.
WITHOUT_LAST_PART = "<style>[data-stale=true] { display: none; }</style>"

SCROLL = '<div class="db-scroll">'  # around what may be wider than a phone
SCROLL_BY_KEYS = '<div class="db-scroll" tabindex="0">'  # around what surely is


def block(content: str) -> str:
    """A piece of a page in the admin's style; `content` is HTML."""
    return f'<div class="adm">{content}</div>'


def heading(text: str, note: str = "") -> str:
    """A section's heading with a line under it. Both are text."""
    under = f'<p class="soft small">{escape(note)}</p>' if note else ""
    return f"<h2>{escape(text)}</h2>{under}"


def tiles(facts: Sequence[tuple[str, str, str]]) -> str:
    """Numbers in a row: (number, what follows it in small, what it is)."""
    parts = [
        f"<div><b>{escape(number)}{f' <small>{escape(of)}</small>' if of else ''}</b><span>{escape(name)}</span></div>"
        for number, of, name in facts
    ]
    return f'<div class="tiles">{"".join(parts)}</div>'


def bar(parts: Sequence[tuple[str, int]], total: int, said: str) -> str:
    """One bar of (style, count) parts, `total` wide. said: the same in words, for those who do not see it."""
    drawn = "".join(f'<span class="{style}" style="flex:{count} 0 0"></span>' for style, count in parts if count)
    rest = total - sum(count for _, count in parts)
    empty = f'<span style="flex:{rest} 0 0"></span>' if rest > 0 else ""
    return f'<div class="bar" role="img" aria-label="{escape(said, quote=True)}">{drawn}{empty}</div>'


def legend(parts: Sequence[tuple[str, str]]) -> str:
    """What the colours of bars mean: (style, meaning)."""
    entries = "".join(f'<span><i class="{style}"></i>{escape(name)}</span>' for style, name in parts)
    return f'<div class="legend">{entries}</div>'


def table(columns: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]]) -> str:
    """A small table. columns: (heading, whether numbers stand under it); rows: cells as HTML."""
    head = "".join(f'<th scope="col"{_num(num)}>{escape(name)}</th>' for name, num in columns)
    body = "".join(
        f"<tr>{''.join(f'<td{_num(num)}>{cell}</td>' for (_, num), cell in zip(columns, row, strict=True))}</tr>"
        for row in rows
    )
    return f"{SCROLL}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def filled(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The columns in which anything stands."""
    return frame.loc[:, (frame.notna() & (frame != "")).any()]


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Names and what belongs to them, both text."""
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{escape(text)}</dd>' for name, text in pairs)}</dl>"


def plain(text: str) -> str:
    """A text that Streamlit's Markdown shows as it is, for the labels that can be nothing else."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def counted(number: int, noun: str) -> str:
    """`1 panel`, `2 panels`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def percent(share: float) -> str:
    """A share as whole percent."""
    return f"{100 * share:.0f}%"


def _num(numeric: bool) -> str:
    return ' class="num"' if numeric else ""
