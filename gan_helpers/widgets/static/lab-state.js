// What can be set in the laboratory, and how a state travels in a link: `target=grid&r1=1&b.r1=0`.

import KNOBS from "../knobs.json" with { type: "json" }; // the table of settings, which Python reads too
import { beginning, DEFAULTS } from "./gan.js";
import { range } from "./targets.js";

/** @import { Settings } from "./gan.js" */
/** @typedef {Record<string, any>} State settings by their keys in the table; `points` are packed */
/** @typedef {number | string} Value of one setting */

/**
 * Every control: its label, and either words for a list or the stops of a slider. The first eight are always in view.
 * @type {Record<string, { label: string, values: Value[] }>}
 */
export const CONTROLS = Object.fromEntries(
  KNOBS.map(({ key, label, words, stops }) => [key, { label, values: words ?? stops ?? [] }]));
export const IN_VIEW = Object.keys(CONTROLS).slice(0, 8);
export const LOOK = KNOBS.filter((knob) => knob.look).map((knob) => knob.key); // what one looks at, not what is trained
export const COMMON = [...LOOK, "seed", "points"]; // two columns in comparison differ in anything but these
export const SIDES = ["both", "a", "b"]; // which column of a comparison the settings act on
/** @type {Record<string, string>} */
const NAMES = {
  one: "one GAN", compare: "two GANs", many: "16 seeds",
  slow: "slow motion", "10hz": "10 a second", "60hz": "60 a second", most: "full speed",
  gaussian: "1-D: one bump", mixture: "1-D: two bumps", ring: "ring of 8", grid: "grid of 25", drawn: "draw your own",
  both: "both", a: "A only", b: "B only",
  nonsaturating: "non-saturating", wasserstein: "Wasserstein", leaky_relu: "leaky ReLU", adam: "Adam", sgd: "SGD",
};
/** @param {Value} v */
export const nameOf = (v) => NAMES[v] ?? String(v).replace("_", " ").replace("e-", "e−");

/**
 * Drawn points, two letters a coordinate; one unit is 1/40.
 * @param {number[]} xy
 */
export const packPoints = (xy) => xy.map((v) => (Math.round(40 * v) + 128).toString(36).padStart(2, "0")).join("");
/** @param {string} text */
export const unpackPoints = (text) => (text.match(/..../g) ?? []).flatMap((pair) => [pair.slice(0, 2), pair.slice(2)])
  .map((code) => (Number.parseInt(code, 36) - 128) / 40 || 0);
export const MOST_POINTS = 240;
const EIGHT = range(48, (i) => [2 * Math.sin((Math.PI * i) / 24), 1.2 * Math.sin((Math.PI * i) / 12)]);

/** @param {string} target */
export const is1D = (target) => target === "gaussian" || target === "mixture";
/**
 * The usual settings for a target.
 * @param {string} target
 * @returns {State}
 */
export const usual = (target) => ({
  ...DEFAULTS, ...beginning(KNOBS), points: packPoints(EIGHT.flat()), target, zDim: is1D(target) ? 1 : 2,
});

/**
 * The value that a text stands for, kept in the control's range; undefined if it makes no sense.
 * @param {string} key
 * @param {string} text
 */
function valueFrom(key, text) {
  const values = CONTROLS[key]?.values;
  if (key === "points") return /^\w*$/.test(text) ? text.slice(0, 4 * MOST_POINTS) : undefined;
  if (!values || typeof values[0] === "string") return values?.find((v) => v === text);
  if (text === "" || !Number.isFinite(+text)) return undefined;
  const v = Math.min(Math.max(+text, values[0]), +values[values.length - 1]);
  return values.every(Number.isInteger) ? Math.round(v) : v;
}

/**
 * A query becomes `a`, the settings in full, and `b`, what the second column has otherwise.
 * @param {string} query
 */
export function readState(query) {
  /** @type {State[]} */
  const [first, b] = [{}, {}];
  for (const [name, text] of new URLSearchParams(query)) {
    const key = name.replace(/^b\./, "");
    const value = valueFrom(key, text);
    if (value !== undefined && !(key !== name && COMMON.includes(key))) (key === name ? first : b)[key] = value;
  }
  return { a: { ...usual(first.target ?? DEFAULTS.target), ...first }, b };
}

/**
 * @param {State} a
 * @param {State} b
 */
export function writeState(a, b) {
  const query = new URLSearchParams();
  /** @type {State} */
  const start = { ...usual(a.target), target: DEFAULTS.target };
  for (const key of [...Object.keys(CONTROLS), "points"]) if (a[key] !== start[key]) query.set(key, a[key]);
  for (const key of Object.keys(b)) query.set(`b.${key}`, b[key]);
  return query.toString();
}

/**
 * The same for the trainer.
 * @param {State} s
 * @returns {Settings}
 */
export function ganSettings(s) {
  const known = /** @type {Settings} */ (Object.fromEntries(Object.keys(DEFAULTS).map((key) => [key, s[key]])));
  const [gHidden, dHidden] = [Array(s.gLayers).fill(s.gUnits), Array(s.dLayers).fill(s.dUnits)];
  return { ...known, gHidden, dHidden, points: s.target === "drawn" ? unpackPoints(s.points) : [] };
}
