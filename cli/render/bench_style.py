"""The style sheet of the comparison page: one column, light and dark, wide and narrow, and print."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
:root { color-scheme: light dark;
  --paper: #fcfcfb; --card: #ffffff; --ink: #1c1f23; --soft: #5a626b; --line: #dfe2e6; --faint: #eef0f2;
  --own: #1f6fc4; --peer: #8a6a1f;
  --commit: #b4529b; --tree: #2b8a57; --blob: #1f6fc4; --tag: #b06410; --good: #1d7a46; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #15181b; --card: #1c2024; --ink: #e8eaed; --soft: #a3abb4; --line: #343a41; --faint: #262b30;
  --own: #6aaef5; --peer: #d9b25c;
  --commit: #dc8ac6; --tree: #5dc48e; --blob: #6aaef5; --tag: #eba457; --good: #6ccf95; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main, header, footer { max-width: 76rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.3rem; margin: 2.4rem 0 .2rem; overflow-wrap: anywhere; }
h3 { font-size: 1.05rem; margin: 0 0 .15rem; }
p { margin: .3rem 0 .8rem; max-width: 48rem; }
.soft, figcaption, footer { color: var(--soft); }
.lead { font-size: 1.08rem; }
a { color: var(--own); }
.skip { position: absolute; left: -99rem; } .skip:focus { position: static; }
:focus-visible { outline: 3px solid var(--own); outline-offset: 2px; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: .5rem; background: var(--card); }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: .6rem .8rem .2rem; color: var(--soft); }
th, td { padding: .38rem .8rem; text-align: right; white-space: nowrap; }
th:first-child { text-align: left; }
tbody th { white-space: normal; max-width: 12rem; min-width: 7rem; }
td.bytes { padding-left: .3rem; }
thead th { color: var(--soft); font-weight: 600; border-bottom: 1px solid var(--line);
  vertical-align: bottom; }
tbody tr + tr > * { border-top: 1px solid var(--faint); }
td.reason { text-align: left; color: var(--soft); white-space: normal; }
td.wrong { color: var(--bad); font-weight: 600; }
tr.best td.bytes { font-weight: 700; }
.plots { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1rem; margin: 1rem 0; }
figure { margin: 0; padding: 1rem 1.1rem; border: 1px solid var(--line); border-radius: .5rem;
  background: var(--card); min-width: 0; }
figure.wide { grid-column: 1 / -1; }
figcaption { margin-bottom: .7rem; font-size: .92rem; }
figcaption h3 { color: var(--ink); }
svg { display: block; max-width: 100%; }
svg.scatter { height: auto; margin: 0 auto; }
.narrow { display: none; }
svg text { font: 12.5px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  fill: var(--ink); }
svg .tick, svg .axis { fill: var(--soft); }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .own { fill: var(--own); stroke: var(--card); stroke-width: 2; }
svg .peer { fill: var(--card); stroke: var(--peer); stroke-width: 2.5; }
.key { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: .5rem 0 0; padding: 0; list-style: none;
  font-size: .88rem; color: var(--soft); }
.key i { display: inline-block; width: .8rem; height: .8rem; margin-right: .4rem; border-radius: .2rem;
  vertical-align: -.06rem; }
.key i.own, .key i.peer { border-radius: 50%; }
.key i.own { background: var(--own); } .key i.peer { border: 2.5px solid var(--peer); }
.commit { fill: var(--commit); background: var(--commit); }
.tree { fill: var(--tree); background: var(--tree); }
.blob { fill: var(--blob); background: var(--blob); } .tag { fill: var(--tag); background: var(--tag); }
rect.whole { opacity: .5; }
.key i.half { background: var(--soft); opacity: .5; } .key i.full { background: var(--soft); }
.bars .row { display: grid; grid-template: "who plot value" / 8rem minmax(0, 1fr) 5.2rem; gap: 0 .8rem;
  align-items: center; margin: .45rem 0; }
.who { grid-area: who; overflow-wrap: anywhere; } .plot { grid-area: plot; } .value { grid-area: value; }
.bars .value { text-align: right; font-variant-numeric: tabular-nums; }
svg.bar { width: 100%; height: 20px; }
.multiples { display: grid; grid-template-columns: repeat(auto-fill, minmax(13.5rem, 1fr));
  gap: 1rem 1.4rem; }
.multiples h4 { margin: 0; font-size: .95rem; } .multiples p { margin: 0 0 .3rem; font-size: .85rem; }
svg.chains { width: 100%; height: 84px; } svg.chains rect { fill: var(--own); }
.multiples .is-peer rect { fill: var(--peer); }
svg.chains .base { stroke: var(--line); stroke-width: 1; vector-effect: non-scaling-stroke; }
.ends { display: flex; justify-content: space-between; font-size: .8rem; color: var(--soft); }
details { margin-top: .7rem; } summary { cursor: pointer; color: var(--soft); }
details .scroll { margin-top: .5rem; }
footer { margin-top: 2.5rem; padding-bottom: 2rem; border-top: 1px solid var(--line); padding-top: 1rem;
  font-size: .92rem; }
@media (max-width: 60rem) { .plots { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 36rem) { main, header, footer { padding-left: .8rem; padding-right: .8rem; }
  .wideonly { display: none; } .narrow { display: block; } figure { padding: .8rem .7rem; }
  th, td { padding: .35rem .55rem; } tbody th { max-width: 8rem; }
  table th:first-child { position: sticky; left: 0; background: var(--card); }
  .bars .row { grid-template: "who value" "plot plot" / 1fr max-content; gap: .1rem .8rem;
    margin: .6rem 0; } }
@media print { details > * { display: block; } figure, .scroll { break-inside: avoid; } }
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
"""
