"""The contact sheet's style sheet: system fonts, light and dark, from a phone to a wide screen."""

STYLE = """
:root { --ground: #fbfaf8; --card: #fff; --ink: #1d1c1a; --faint: #6f6b64; --line: #e4e0d8;
  --kept: #3c7d5a; --out: #c2702c; --none: #a9a39a; }
@media (prefers-color-scheme: dark) { :root { --ground: #161514; --card: #201f1d; --ink: #ece9e3; --faint: #a19c93;
  --line: #35322e; --kept: #6cba91; --out: #e2985a; --none: #6d6961; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
header, main { max-width: 84rem; margin: auto; padding: 0 1rem; }
h1 { margin: 2rem 0 0; font-size: 1.7rem; font-weight: 600; } h1 em { font-style: normal; color: var(--kept); }
h2 { margin: 3rem 0 .6rem; font-size: 1.25rem; border-bottom: 1px solid var(--line); padding-bottom: .3rem; }
h3 { margin: 1.8rem 0 .6rem; font-size: 1rem; } h3::first-letter { text-transform: uppercase; }
h3 small, .axis, figcaption small { color: var(--faint); font-weight: 400; }
.lead { margin: .3rem 0 1rem; color: var(--faint); } .lead b { color: var(--ink); }
nav { display: flex; flex-wrap: wrap; gap: .4rem; }
nav a { padding: .25rem .8rem; border: 1px solid var(--line); border-radius: 2rem; background: var(--card);
  color: inherit; text-decoration: none; font-size: .85rem; }
nav a:hover { border-color: var(--kept); }
section { scroll-margin-top: 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { padding: .3rem .6rem; text-align: left; border-bottom: 1px solid var(--line); font-weight: 400; }
thead th { color: var(--faint); font-size: .8rem; }
.n { text-align: right; font-variant-numeric: tabular-nums; }
.bars { width: 50%; min-width: 9rem; } .bar { display: flex; height: .8rem; gap: 1px; }
.bar i { display: block; min-width: 1px; } i.kept { background: var(--kept); } i.out { background: var(--out); }
i.none { background: var(--none); } .bars span::before { content: "\\25a0\\00a0"; }
span.kept::before { color: var(--kept); } span.out::before { color: var(--out); }
span.none::before { color: var(--none); }
.warn { padding: 0; list-style: none; font-size: .9rem; }
.warn li { margin: .3rem 0; padding: .3rem .7rem; border-left: 3px solid var(--out); background: var(--card); }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); gap: .7rem; }
figure { margin: 0; } .plot { background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
  padding: .8rem; }
svg { display: block; width: 100%; } rect.kept { fill: var(--kept); } rect.out { fill: var(--out); }
.axis { display: flex; flex-wrap: wrap; justify-content: space-between; font-size: .75rem; }
.axis b { order: 1; flex: 1 0 100%; text-align: center; color: var(--ink); font-weight: 400; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: .7rem; }
.gallery figure { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; overflow: hidden; }
.gallery img { display: block; width: 100%; height: auto; aspect-ratio: 2; }
.average { display: flex; align-items: center; gap: .7rem; margin-bottom: .7rem; }
.average img { border-radius: .5rem; }
figcaption { padding: .4rem .6rem .5rem; font-size: .75rem; line-height: 1.35; }
figcaption b { font-weight: 600; } figcaption ul { margin: .15rem 0; padding: 0; list-style: none; }
figcaption li { overflow-wrap: anywhere; } li.no { color: var(--out); } li.yes { color: var(--kept); }
code { font: .92em ui-monospace, monospace; overflow-wrap: anywhere; }
figcaption code { display: block; user-select: all; color: var(--faint); }
pre { overflow-x: auto; padding: .8rem 1rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .5rem; font: .82rem/1.6 ui-monospace, monospace; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; font-size: .9rem; }
dt { font-weight: 600; } dd { margin: 0; } main { padding-bottom: 4rem; }
"""
