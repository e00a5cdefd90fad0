// One running GAN of the laboratory, and its pictures.

import { context, cross, disc, MARKS, number, percent, scale, segment, stroke, ticks, trace, write } from "./draw.js";
import { GAMES, minusLogD, sigmoid } from "./games.js";
import { BANDWIDTH, Gan, LIVE } from "./gan.js";
import { ganSettings, is1D } from "./lab-state.js";
import { kernelDensity } from "./measure.js";
import { range } from "./targets.js";
import { area, Losses, Toy1D } from "./views.js";

/** @import { Colours, Context } from "./draw.js" */
/** @import { State } from "./lab-state.js" */
/** @import { Scores } from "./measure.js" */
/** @import { Entry } from "./player.js" */
/** @import { Landmark, Numbers } from "./views.js" */
/**
 * How to draw it: colours, whether it is one of many small pictures, what is switched on, and what is being drawn.
 * @typedef {{ pal: Colours, small: boolean, best?: number, push?: number, mesh?: number, draft: number[],
 *   cursor: number[] | null }} Look
 */

const SHOWN = 200; // samples in a picture
const LOG2 = Math.log(2);
/**
 * What the losses of D and G are while D cannot tell.
 * @type {Record<string, Landmark[]>}
 */
const LANDMARKS = {
  nonsaturating: [[2 * LOG2, "log 4"], [LOG2, "log 2"]],
  saturating: [[2 * LOG2, "log 4"], [-LOG2, "−log 2"]],
  least_squares: [[0.5, "½"], [0.25, "¼"]],
  hinge: [[2, "2"]],
  wasserstein: [[0, "0"]],
  relativistic: [[LOG2, "log 2"]],
};
const IN_NATS = ["nonsaturating", "saturating", "relativistic"]; // the games whose losses are logs of probabilities
MARKS.heat = '<path class="sf" style="stroke-width:9" opacity=".5" d="M1 6H12"/><path class="sr" style="stroke-width:9" opacity=".5" d="M16 6H27"/>';
MARKS.push = '<path class="si" stroke-width="1.4" d="M4 10L23 3M17.5 1.8L23 3L19.4 7.4"/>';
/** @param {Numbers} v */
export const mean = ([...v]) => v.reduce((a, b) => a + b, 0) / v.length;
/**
 * An array in the place of a replay's record.
 * @param {Numbers} values
 */
const held = (values) => ({ values: () => values });

export class Run {
  /** @type {Gan | null} */ gan = null; // none while there is nothing to learn
  z = new Float32Array();
  real = new Float32Array();
  /** @type {(Scores & { ofModes: number, floor: Scores, ceiling: Scores }) | null} */ found = null;
  out = 0; // the share of samples that lie outside the picture
  /** @type {(px: number, py: number) => number[]} Where a place on the picture lies in the plane. */ place = () => [0, 0];
  sheet = document.createElement("canvas");

  /** @param {State} set */
  constructor(set) {
    this.set = set;
    this.flat = is1D(set.target);
    const given = ganSettings(set);
    if (set.target === "drawn" && !given.points.length) return;
    this.gan = new Gan(given);
    this.z = this.gan.sampleZ(SHOWN);
    this.real = this.gan.sampleReal(SHOWN);
  }

  /**
   * What its picture shows, or one of many small ones.
   * @param {boolean} small
   */
  legend(small) {
    if (this.flat) {
      const all = Toy1D.legend(this.set.zDim === 1);
      return small ? all.slice(0, 2) : all;
    }
    /** @type {Entry[]} */
    const all = [["o", "real"], ["x", "generated"], ["ink", "D undecided"], ["heat", "D says generated, real"],
      ["push", "minus the gradient of G's loss", "push"], ["fake", "where G sends the latent grid", "mesh"]];
    return small ? all.slice(0, 4) : all;
  }

  /**
   * Changes that act on the running networks.
   * @param {State} set
   */
  turn(set) {
    this.set = set;
    this.gan?.set(Object.fromEntries(LIVE.map((key) => [key, set[key]])));
  }

  measure() {
    if (!this.gan || this.gan.diverged) return;
    this.found = this.gan.measure();
    const [lo, hi] = this.extent;
    const { dim } = this.gan;
    const x = this.gan.generate(this.z, SHOWN);
    this.out = range(SHOWN, (i) => x.subarray(i * dim, (i + 1) * dim))
      .filter((at) => !at.every((v) => lo <= v && v <= hi)).length / SHOWN;
  }

  get extent() {
    return this.gan?.target.extent ?? [-3, 3];
  }

  /**
   * D's output as a share of "real", and the level at which D is undecided: the sigmoid of a logit; a least squares
   * score as it is, since its best is p / (p + q) too; of other scores 0 at the mean of generated, 1 of real samples.
   * @param {Gan} gan
   * @returns {{ level: number, share: (l: number) => number }}
   */
  report(gan) {
    const { set } = this;
    if (GAMES[set.game].real === minusLogD && !GAMES[set.game].paired) return { level: 0, share: sigmoid };
    let [low, high] = [0, 1];
    if (set.game !== "least_squares") {
      low = mean(gan.logits(gan.generate(this.z, SHOWN), SHOWN));
      high = Math.max(low + 1e-6, mean(gan.logits(this.real, SHOWN)));
    }
    return { level: (low + high) / 2, share: (l) => Math.min(1, Math.max(0, (l - low) / (high - low))) };
  }

  /**
   * @param {Context} c
   * @param {number} w
   * @param {number} h
   * @param {Look} look
   */
  draw(c, w, h, look) {
    if (this.flat && this.gan) this.drawLine(this.gan, c, w, h, look);
    else this.drawPlane(c, w, h, look);
    if (look.small && passed(this)) {
      disc(c, w - 11, 11, 8, look.pal.ink);
      write(c, "✓", w - 11, 12, look.pal.paper);
    }
  }

  /**
   * Evenly spaced latent values that cover nearly all of the prior.
   * @param {number} n
   */
  ladder(n) {
    return range(n, (i) => (this.set.prior === "normal" ? 2 : 1) * ((2 * i) / (n - 1) - 1));
  }

  /**
   * One dimension: the picture of a replay, fed from the running networks.
   * @param {Gan} gan
   * @param {Context} c
   * @param {number} w
   * @param {number} h
   * @param {Look} look
   */
  drawLine(gan, c, w, h, { pal, best, small }) {
    const [from, to] = this.extent;
    const x = range(120, (i) => from + ((to - from) * i) / 119);
    const p = gan.pData(x);
    const q = small ? kernelDensity(gan.generate(this.z, SHOWN), x, BANDWIDTH) : gan.pGen(x);
    const z = this.set.zDim === 1 ? this.ladder(25) : null;
    const d = gan.logits(x, x.length).map(this.report(gan).share);
    const channels = { p: held(p), q: held(q), d: held(d), g: held(z ? gan.generate(z, 25) : []) };
    const yMax = 1.7 * Math.max(...p);
    const view = new Toy1D({ x, z, yMax, pData: "p", pGen: "q", dProb: "d", xOfZ: "g" }, channels);
    if (!small) return view.draw(c, w, h, { run: 0, frame: 0, pal, toggled: Boolean(best) });
    const [xs, sy] = [x.map(scale(from, to, 0, w)), scale(0, yMax, h, 0)];
    area(c, xs, Array.from(p, sy), h, pal.real, 0.3);
    trace(c, xs, q.map(sy), { color: pal.fake, width: 1.8, dash: [5, 3] });
  }

  /**
   * @param {Context} c
   * @param {number} w
   * @param {number} h
   * @param {Look} look
   */
  drawPlane(c, w, h, look) {
    const { gan, real } = this;
    const { pal, small, draft, cursor } = look;
    const [lo, hi] = this.extent;
    const side = Math.min(w, h - (small ? 0 : 14)) - 2;
    const [sx, sy] = [scale(lo, hi, 1, side + 1), scale(lo, hi, side + 1, 1)];
    this.place = (px, py) => [scale(1, side + 1, lo, hi)(px), scale(side + 1, 1, lo, hi)(py)];
    c.save();
    c.beginPath();
    c.rect(1, 1, side, side);
    stroke(c, { color: pal.hair, width: 2 });
    c.clip();
    if (gan) {
      const fake = gan.generate(this.z, SHOWN);
      this.drawD(gan, c, sx, sy, look);
      if (look.mesh && !small) this.drawMesh(gan, c, sx, sy, pal);
      for (let i = 0; i < 2 * SHOWN; i += small ? 6 : 2) {
        disc(c, sx(real[i]), sy(real[i + 1]), small ? 1.6 : 2.8, pal.real, 0.7);
        cross(c, sx(fake[i]), sy(fake[i + 1]), small ? 1.6 : 3, { color: pal.fake, width: small ? 1 : 1.5 });
      }
      if (look.push && !small) this.drawPush(gan, c, sx, sy, fake, pal);
    } else write(c, "draw some points here", side / 2, side / 2, pal.muted);
    for (let i = 0; i < draft.length; i += 2) disc(c, sx(draft[i]), sy(draft[i + 1]), 3.5, pal.real);
    if (cursor) [pal.ink, pal.paper, pal.real].forEach((color, i) => disc(c, sx(cursor[0]), sy(cursor[1]), 9 - 3 * i, color));
    c.restore();
    if (!small) for (const v of ticks(lo + 0.5, hi - 0.5, 5)) write(c, v, sx(v), side + 10, pal.muted);
  }

  /**
   * Heatmap fake - paper - real, and the heavy line where D cannot tell.
   * @param {Gan} gan
   * @param {Context} c
   * @param {(v: number) => number} sx
   * @param {(v: number) => number} sy
   * @param {Look} look
   */
  drawD(gan, c, sx, sy, { pal, small }) {
    const [[lo, hi], n] = [this.extent, small ? 18 : 44];
    const step = (hi - lo) / (n - 1);
    const lattice = range(n * n, (k) => [lo + step * (k % n), hi - step * Math.floor(k / n)]);
    const logits = gan.logits(lattice.flat(), n * n);
    const { level, share } = this.report(gan);
    const image = new ImageData(n, n);
    const [fake, real] = [pal.fake, pal.real].map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
    logits.forEach((l, k) => {
      const lean = 2 * share(l) - 1;
      image.data.set([...(lean < 0 ? fake : real), 100 * Math.abs(lean)], 4 * k);
    });
    context(Object.assign(this.sheet, { width: n, height: n })).putImageData(image, 0, 0);
    const cell = step * (sx(1) - sx(0));
    c.drawImage(this.sheet, sx(lo) - cell / 2, sy(hi) - cell / 2, n * cell, n * cell);
    c.beginPath();
    contour(c, logits, n, level, (i) => sx(lo) + i * cell, (j) => sy(hi) + j * cell);
    stroke(c, { color: pal.ink, width: small ? 1.2 : 2.6 });
  }

  /**
   * Where G sends the lines of a lattice in latent space.
   * @param {Gan} gan
   * @param {Context} c
   * @param {(v: number) => number} sx
   * @param {(v: number) => number} sy
   * @param {Colours} pal
   */
  drawMesh(gan, c, sx, sy, pal) {
    const fine = this.ladder(41);
    const lines = this.set.zDim === 1 ? [fine]
      : this.ladder(13).flatMap((a) => [fine.flatMap((b) => [a, b]), fine.flatMap((b) => [b, a])]);
    for (const line of lines) {
      const x = gan.generate(line, 41);
      trace(c, fine.map((_, i) => sx(x[2 * i])), fine.map((_, i) => sy(x[2 * i + 1])), { color: pal.fake, alpha: 0.65 });
    }
  }

  /**
   * Minus the gradient of G's loss at some samples. Its length grows with the gradient, and levels off at 30 pixels.
   * @param {Gan} gan
   * @param {Context} c
   * @param {(v: number) => number} sx
   * @param {(v: number) => number} sy
   * @param {Float32Array} fake
   * @param {Colours} pal
   */
  drawPush(gan, c, sx, sy, fake, pal) {
    const push = gan.push(fake.subarray(0, 120), 60);
    for (let i = 0; i < 120; i += 2) {
      const size = Math.hypot(push[i], push[i + 1]);
      const length = (30 * size) / (size + 0.7);
      if (!(length > 1.5)) continue;
      const angle = Math.atan2(-push[i + 1], push[i]);
      const style = { color: pal.ink, width: 1.1, alpha: 0.8 };
      const line = (/** @type {number[]} */ [x, y], /** @type {number} */ turn, /** @type {number} */ far) => {
        const end = [x + far * Math.cos(angle + turn), y + far * Math.sin(angle + turn)];
        segment(c, x, y, end[0], end[1], style);
        return end;
      };
      const tip = line([sx(fake[i]), sy(fake[i + 1])], 0, length);
      for (const turn of [2.6, -2.6]) line(tip, turn, 5);
    }
  }

  /**
   * @param {Context} c
   * @param {number} w
   * @param {number} h
   * @param {Colours} pal
   */
  drawLosses(c, w, h, pal) {
    const { step, ...losses } = this.gan?.losses ?? { step: [], d: [], g: [] };
    const [d, g] = [losses.d, losses.g].map((values) => values.map((v) => v ?? NaN));
    const landmarks = LANDMARKS[this.set.game];
    const sorted = [...d, ...g].sort((p, q) => p - q);
    const ends = [0, ...landmarks.map(([v]) => v), ...[0.02, 0.98].map((part) => sorted[Math.floor(part * sorted.length)] ?? 0)];
    const [lo, hi] = [Math.min(...ends), Math.max(...ends)];
    const room = 0.12 * (hi - lo) || 0.1;
    const spec = { lo: lo - room, hi: hi + room, landmarks, dLoss: "d", gLoss: "g" };
    const steps = step.length ? step : [0];
    const frames = steps.length;
    const at = { run: 0, frame: frames - 1, frames, steps, pal };
    const view = new Losses(spec, { d: held(d), g: held(g) });
    view.draw(c, w, h, at);
    c.canvas.setAttribute("aria-label", view.alt(at));
  }

  get lossLegend() {
    return Losses.legend(IN_NATS.includes(this.set.game) ? "nats" : "");
  }
}

/**
 * The line where a lattice of values crosses a level: each cell adds the pieces that run through it.
 * @param {Context} c
 * @param {Float32Array} v
 * @param {number} n
 * @param {number} level
 * @param {(i: number) => number} px
 * @param {(j: number) => number} py
 */
function contour(c, v, n, level, px, py) {
  for (let k = 0; k < n * (n - 1); k++) {
    if (k % n === n - 1) continue;
    const corners = [[0, 0], [1, 0], [1, 1], [0, 1]].map(([i, j]) => [(k % n) + i, Math.floor(k / n) + j, v[k + i + j * n] - level]);
    let pen = false;
    corners.forEach(([x, y, here], at) => {
      const [x1, y1, next] = corners[(at + 1) % 4];
      if (here > 0 === next > 0) return;
      const t = here / (here - next);
      const [cx, cy] = [px(x + t * (x1 - x)), py(y + t * (y1 - y))];
      if (pen) c.lineTo(cx, cy);
      else c.moveTo(cx, cy);
      pen = !pen;
    });
  }
}

// ---- how good a run is, in words: what is found, and what to hold it against

/** @param {Run} run */
const byModes = ({ found, flat }) => !flat && found !== null && found.ofModes > 2;

/**
 * Heads, and what stands below each.
 * @param {Run} run
 * @returns {[string, string][]}
 */
export function wordsOf(run) {
  const { gan, found, flat } = run;
  if (!gan) return [["No data", "There is nothing to learn before you draw a point."]];
  if (gan.diverged) return [[`Diverged at iteration ${number(gan.diverged)}`, "Lower a learning rate or add a penalty; then reset."]];
  if (!found) return [];
  const name = flat ? "W1" : "Energy distance";
  /** @type {[string, string][]} */
  const words = [[`${name} to the data ${found.distance.toFixed(3)}`,
    `A perfect generator: about ${found.floor.distance.toFixed(3)}; noise all over the picture: ${found.ceiling.distance.toFixed(3)}.`]];
  if (run.out) words.push([`${percent(run.out)} of the generated samples are outside the picture`, ""]);
  if (!byModes(run)) return words;
  return [
    [`${found.modes} of ${found.ofModes} modes covered`, `A mode counts with one sample within 3 sd of its centre; noise covers ${found.floor.modes}.`],
    [`${percent(found.quality)} high-quality samples`,
      `Within 3 sd of a centre. A perfect generator: ${percent(found.ceiling.quality)}; noise: ${percent(found.floor.quality)}.`],
    ...words,
  ];
}

/**
 * What counts as success, in words and for one run.
 * @param {Run} run
 */
export const barOf = (run) => {
  if (run.flat) return "W1 to the data is below 0.15";
  return run.found && byModes(run) ? `all ${run.found.ofModes} modes are covered` : "the energy distance is below 0.02";
};
/** @param {Run} run */
export const passed = (run) => {
  if (!run.found || !run.gan || run.gan.diverged) return false;
  return byModes(run) ? run.found.modes === run.found.ofModes : run.found.distance < (run.flat ? 0.15 : 0.02);
};
