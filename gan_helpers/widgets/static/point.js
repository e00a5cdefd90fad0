// One point x of the game: real density p, generated density q, and the report d that scores p log d + q log(1 - d).

import { disc, scale, segment, ticks, trace, write } from "./draw.js";

/** @import { Colours, Context } from "./draw.js" */
/** @import { Kind, Values } from "./figure.js" */

const LOWEST = -5; // of the picture

/** @implements {Kind} */
export class Point {
  knobs = {
    p: { label: "Real density p", at: 0.6, min: 0, max: 1, step: 0.05 },
    q: { label: "Generated density q", at: 0.2, min: 0, max: 1, step: 0.05 },
    d: { label: "D's report d", at: 0.3, min: 0.01, max: 0.99, step: 0.01 },
  };
  legend = [["ink", "the score, p log d + q log(1 - d)"], ["trail", "its slope at d"], ["best", "the best report, p/(p + q)"]];

  /** @param {number} width */
  height(width) {
    return width < 500 ? 250 : 280;
  }

  /** @param {Values} values */
  score({ p, q, d }) {
    return (p && p * Math.log(d)) + (q && q * Math.log(1 - d));
  }

  /** @param {Values} values */
  slope({ p, q, d }) {
    return p / d - q / (1 - d);
  }

  /** @param {Values} values */
  best({ p, q }) {
    return p / (p + q);
  }

  /** @param {number} w @param {number} h */
  scales(w, h) {
    return [scale(0, 1, 40, w - 12), scale(LOWEST, 0, h - 34, 12)];
  }

  /**
   * @param {Context} c
   * @param {number} w
   * @param {number} h
   * @param {Values} values
   * @param {Colours} pal
   */
  draw(c, w, h, values, pal) {
    const [sx, sy] = this.scales(w, h);
    for (const v of ticks(LOWEST, 0, 5)) {
      segment(c, sx(0), sy(v), sx(1), sy(v), { color: pal.hair });
      write(c, v, sx(0) - 8, sy(v), pal.muted, "right");
    }
    for (const v of [0, 0.25, 0.5, 0.75, 1]) write(c, v, sx(v), sy(LOWEST) + 12, pal.muted);
    write(c, "d, what D reports at this x", sx(0.5), h - 7, pal.ink);
    c.save();
    c.beginPath();
    c.rect(sx(0), sy(0) - 6, sx(1) - sx(0), sy(LOWEST) - sy(0) + 6);
    c.clip();
    const at = Array.from({ length: 199 }, (_, i) => (i + 1) / 200);
    trace(c, at.map(sx), at.map((d) => sy(this.score({ ...values, d }))), { color: pal.ink, width: 2.4 });
    const [y, slope, d] = [this.score(values), this.slope(values), values.d];
    const reach = 0.12 / Math.hypot(1, slope / 6); // a tangent of about one length
    const line = [d - reach, d + reach];
    trace(c, line.map(sx), line.map((v) => sy(y + slope * (v - d))), { color: pal.fake, width: 3 });
    const best = this.best(values);
    if (Number.isFinite(best)) segment(c, sx(best), sy(LOWEST), sx(best), sy(0), { color: pal.ink, width: 1.6, dash: [2, 4] });
    c.restore();
    disc(c, sx(d), sy(Math.max(y, LOWEST)), 5, pal.fake);
  }

  /** @param {Values} values */
  readings(values) {
    const best = this.best(values);
    return [["score", this.score(values).toFixed(3)], ["slope in d", this.slope(values).toFixed(2)],
      ["best report", Number.isFinite(best) ? best.toFixed(3) : "any: nothing lands here"]];
  }

  /** @param {Values} values */
  sentence(values) {
    const [score, slope, best] = this.readings(values).map(([, text]) => text);
    return `At a point with p ${values.p} and q ${values.q} the report ${values.d} scores ${score}; slope ${slope}; best report: ${best}.`;
  }

  /** @param {number} x @param {number} _y @param {number} w */
  drag(x, _y, w) {
    return { d: (x - 40) / (w - 52) };
  }
}
