// The style sheet inside every element: the page's own fonts, the book's palette, light and dark.

import SHARED from "../../shared.json" with { type: "json" }; // what figures and elements share

/**
 * A theme's colours, as custom properties of CSS.
 * @param {"light" | "dark"} theme
 */
const colours = (theme) => Object.entries(SHARED.palette[theme]).map(([name, value]) => `--${name}: ${value};`).join(" ");

export const LOOKS = `
:host { display: block; margin: 1.2rem 0; }
:host([hidden]) { display: none; }
* { box-sizing: border-box; } [hidden] { display: none !important; }
.card {
  ${colours("light")}
  font: 400 14px/1.4 var(--pst-font-family-base, var(--jp-content-font-family, system-ui, sans-serif));
  color: var(--ink); background: var(--paper); text-align: left; color-scheme: light;
  border: 1px solid var(--hair); border-radius: 12px; padding: 14px 16px 16px; max-width: 960px; margin: 0 auto;
}
.card[data-theme=dark] {
  ${colours("dark")}
  color-scheme: dark;
}
.title { font-weight: 600; font-size: 15px; margin: 0 0 8px; }
.views { display: flex; flex-wrap: wrap; gap: 10px 20px; align-items: center; }
.view { flex: 1 1 18rem; min-width: 0; }
.view.wide { flex-basis: 100%; } .view + .settings { margin-top: 12px; }
canvas { display: block; width: 100%; }
canvas.timeline { cursor: ew-resize; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 0 0 6px; padding: 0; list-style: none;
  font-size: 12.5px; }
.legend li, .legend label { display: inline-flex; align-items: center; gap: 6px; min-height: 24px; }
.legend label { cursor: pointer; }
.legend input { margin: 0; width: 15px; height: 15px; accent-color: var(--ink); }
.legend svg { width: 28px; height: 12px; flex: none; }
svg path { fill: none; stroke-width: 2; }
svg .fr { fill: var(--real); opacity: .2; } svg .sr { stroke: var(--real); } svg .dr { fill: var(--real); }
svg .sf { stroke: var(--fake); } svg .si { stroke: var(--ink); }
svg .sm { stroke: var(--muted); } svg .dm { fill: var(--muted); }
.time { display: grid; grid-template-columns: auto 1fr; gap: 0 14px; align-items: center;
  background: var(--well); border-radius: 10px; padding: 8px 14px 8px 8px; }
.play { font: inherit; font-weight: 600; color: var(--paper); background: var(--ink); border: 0; border-radius: 8px;
  min-width: 92px; height: 40px; padding: 0 14px 0 12px; cursor: pointer; display: inline-flex; gap: 8px;
  align-items: center; }
.play:hover { opacity: .86; }
.play svg { width: 12px; height: 12px; } .play svg path { fill: var(--paper); }
.head { display: flex; justify-content: space-between; gap: 0 12px; align-items: end; line-height: 1.25; }
.value, .metrics { font-variant-numeric: tabular-nums; }
.value { font-weight: 600; } .stated { display: none; }
.metrics { display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 8px 2px 6px; font-size: 13px; color: var(--muted);
  min-height: 1.4em; }
.metrics:empty { display: none; }
.metrics b { color: var(--ink); font-weight: 600; }
.settings { display: grid; grid-template-columns: repeat(auto-fit, minmax(max(150px, 26%), 1fr)); gap: 8px 20px;
  margin-bottom: 12px; }
.settings > div { display: flex; flex-direction: column; justify-content: end; }
.slider { position: relative; height: 26px; display: flex; align-items: center; }
.slider i { position: absolute; top: 50%; width: 6px; height: 6px; margin: -3px; border-radius: 50%;
  background: var(--muted);
  pointer-events: none; left: calc(9px + (100% - 18px) * var(--x)); }
input[type=range] { appearance: none; -webkit-appearance: none; width: 100%; height: 26px; margin: 0;
  background: none; cursor: pointer;
  position: relative; z-index: 1; }
input[type=range]::-webkit-slider-runnable-track { height: 4px; border-radius: 2px;
  background: var(--fillbar, var(--track)); }
input[type=range]::-moz-range-track { height: 4px; border-radius: 2px; background: var(--fillbar, var(--track)); }
.card { --track: color-mix(in srgb, var(--muted) 45%, transparent); }
input[type=range]::-webkit-slider-thumb { -webkit-appearance: none; width: 18px; height: 18px; margin-top: -7px;
  border-radius: 50%;
  background: var(--ink); border: 3px solid var(--paper); box-shadow: 0 0 0 1.5px var(--ink); }
input[type=range]::-moz-range-thumb { width: 12px; height: 12px; border-radius: 50%; background: var(--ink);
  border: 3px solid var(--paper); box-shadow: 0 0 0 1.5px var(--ink); }
:focus-visible { outline: 3px solid var(--real); outline-offset: 2px; border-radius: 6px; }
input[type=range]:focus-visible { outline: none; }
.slider:has(:focus-visible) { box-shadow: 0 0 0 3px var(--real); border-radius: 8px; }
select { font: inherit; font-weight: 600; color: inherit; background: var(--paper); border: 1px solid var(--muted);
  border-radius: 8px;
  height: 34px; padding: 0 8px; width: 100%; margin-top: 4px; }
.note { margin: 8px 0 0; font-size: 13px; color: var(--muted); }
.told { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 480px) { .card { padding: 12px 10px 14px; border-radius: 10px; } .play { min-width: 86px; } }
@media print {
  .card { border-color: #999; break-inside: avoid; }
  canvas { height: auto !important; }
  button, select, input, .slider, details:not([open]), summary { display: none !important; }
  .head { justify-content: start; } .stated { display: inline; } .time, .bar { background: none; padding: 0; }
  .legend li:has(input:not(:checked)) { display: none; }
}
`;
