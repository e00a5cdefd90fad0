// Two bumps and three distances: real N(0, 1) above, generated N(m, s) below, and the sand that travels between.

import { fill, scale, segment, trace, write } from "./draw.js";

/** @import { Colours, Context } from "./draw.js" */
/** @import { Kind, Values } from "./figure.js" */

const [LOW, HIGH] = [-4, 12]; // of the picture
const GRID = Array.from({ length: 1201 }, (_, i) => -10 + 0.025 * i); // where integrands are summed

/** @type {(x: number, m: number, s: number) => number} */
const density = (x, m, s) => Math.exp(-((x - m) ** 2) / (2 * s * s)) / (s * Math.sqrt(2 * Math.PI));

/**
 * The error function, to 1.5e-7 (Abramowitz and Stegun 1964, 7.1.26).
 * @param {number} x
 */
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const sum = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(x) * (1 - sum * Math.exp(-x * x));
}

/**
 * The quantile of N(0, 1) that leaves a share u below it.
 * @param {number} u
 */
function quantile(u) {
  let [a, b] = [-6, 6];
  for (let i = 0; i < 40; i++) {
    const middle = (a + b) / 2;
    if ((1 + erf(middle / Math.SQRT2)) / 2 < u) a = middle;
    else b = middle;
  }
  return a;
}

const GRAINS = Array.from({ length: 15 }, (_, i) => quantile((i + 0.5) / 15));

/** @implements {Kind} */
export class Bumps {
  knobs = {
    m: { label: "Place of the generated bump", at: 3, min: -2, max: 9, step: 0.1 },
    s: { label: "Its width (standard deviation)", at: 1, min: 0.3, max: 2, step: 0.1 },
  };
  legend = [["real", "real, N(0, 1)"], ["fake", "generated"], ["field", "where each fifteenth of the sand goes"]];

  /** @param {number} width */
  height(width) {
    return width < 500 ? 330 : 340;
  }

  /** @param {Values} values */
  js({ m, s }) {
    const part = (/** @type {number} */ a, /** @type {number} */ b) => (a > 0 ? a * Math.log((2 * a) / (a + b)) : 0);
    const terms = GRID.map((x) => [density(x, 0, 1), density(x, m, s)]).map(([p, q]) => (part(p, q) + part(q, p)) / 2);
    return 0.025 * terms.reduce((sum, v) => sum + v, 0);
  }

  /** @param {Values} values KL(q || p) */
  kl({ m, s }) {
    return (s * s + m * m - 1) / 2 - Math.log(s);
  }

  /** @param {Values} values the mean of |m + (s - 1) z|, a folded normal */
  w1({ m, s }) {
    const wide = Math.abs(s - 1);
    if (wide < 1e-9) return Math.abs(m);
    return wide * Math.sqrt(2 / Math.PI) * Math.exp(-(m * m) / (2 * wide * wide)) + m * erf(m / (wide * Math.SQRT2));
  }

  /**
   * @param {Context} c
   * @param {number} w
   * @param {number} h
   * @param {Values} values
   * @param {Colours} pal
   */
  draw(c, w, h, values, pal) {
    const { m, s } = values;
    const sx = scale(LOW, HIGH, 10, w - 10);
    const bars = h - 108; // where the three bars begin
    const [up, down] = [0.4 * bars, 0.62 * bars];
    const heap = (/** @type {number} */ at, /** @type {number} */ sd, /** @type {number} */ base, /** @type {number} */ way, /** @type {string} */ color, /** @type {number[]} */ dash) => {
      const xs = Array.from({ length: 240 }, (_, i) => LOW + ((HIGH - LOW) * i) / 239);
      const ys = xs.map((x) => base - way * Math.min(density(x, at, sd) / 0.5, 1.05) * 0.34 * bars);
      trace(c, xs.map(sx), ys, { color, width: 2.2, dash });
      c.lineTo(sx(HIGH), base);
      c.lineTo(sx(LOW), base);
      fill(c, color, 0.15);
    };
    heap(0, 1, up, 1, pal.real, []);
    heap(m, s, down, -1, pal.fake, [6, 4]);
    for (const z of GRAINS) segment(c, sx(z), up + 2, sx(m + s * z), down - 2, { color: pal.muted, width: 1.2, alpha: 0.8 });
    /** @type {[string, number, number, string][]} */
    const rows = [["JS", this.js(values), Math.LN2, "log 2"], ["KL(q, p)", this.kl(values), 12, "12"], ["W1", this.w1(values), 12, "12"]];
    const from = 66;
    const to = w - 96;
    rows.forEach(([name, value, most, end], i) => {
      const y = bars + 18 + 32 * i;
      write(c, name, from - 8, y, pal.ink, "right");
      segment(c, from, y, to, y, { color: pal.hair, width: 12 });
      segment(c, from, y, from + (to - from) * Math.min(value / most, 1), y, { color: pal.ink, width: 12 });
      write(c, `${value.toFixed(3)} of ${end}`, to + 6, y, pal.muted, "left");
    });
  }

  /** @param {Values} values */
  readings(values) {
    const moved = { ...values, m: values.m + 0.1 };
    const gain = (/** @type {(v: Values) => number} */ f) => (f(moved) - f(values)).toFixed(4);
    return [["a step of 0.1 to the right adds to JS", gain((v) => this.js(v))], ["to KL", gain((v) => this.kl(v))],
      ["to W1", gain((v) => this.w1(v))]];
  }

  /** @param {Values} values */
  sentence(values) {
    const [js, kl, w1] = [this.js(values), this.kl(values), this.w1(values)].map((v) => v.toFixed(3));
    return `The generated bump is at ${values.m}, ${values.s} wide: JS ${js}, KL ${kl}, W1 ${w1}.`;
  }

  /** @param {number} x @param {number} _y @param {number} w */
  drag(x, _y, w) {
    return { m: LOW + ((HIGH - LOW) * (x - 10)) / (w - 20) };
  }
}
