// The pictures of one dimension, and the losses over time.

import SHARED from "../../shared.json" with { type: "json" }; // what figures and elements share
import { cross, disc, fill, number, scale, segment, spread, ticks, trace, write } from "./draw.js";

/** @import { Colours, Context } from "./draw.js" */
/** @import { Entry } from "./player.js" */
/** @typedef {ArrayLike<number> & Iterable<number>} Numbers */
/** @typedef {Record<string, { values(run: number, frame?: number): Numbers, shape?: number[] }>} Channels */
/**
 * What is to be drawn: a run, a frame of so many, the steps at which they were recorded, colours, and the switch.
 * @typedef {{ run: number, frame: number, frames: number, steps: number[], pal: Colours, toggled: boolean }} At
 */
/**
 * A picture. It may have `alt`, what it shows in words, if that is not what the first picture shows, `readings`, numbers
 * to show, and `frameAt`, the frame that a place on it stands for.
 * @typedef {object} View
 * @property {boolean} [wide]
 * @property {Entry[]} legend
 * @property {(width: number) => number} height
 * @property {(c: Context, w: number, h: number, at: At) => void} draw
 * @property {(at: At) => string} [alt]
 * @property {(at: { run: number, frame: number }) => string[][]} [readings]
 * @property {(px: number, w: number, frames: number) => number} [frameAt]
 */

/**
 * Eight bits leave steps of a pixel in a slow curve; a weighted mean of three neighbours takes them out.
 * @param {Numbers} curve
 */
const smoothed = (curve) => {
  const v = Array.from(curve);
  return v.map((y, i) => (i > 0 && i < v.length - 1 ? (v[i - 1] + 2 * y + v[i + 1]) / 4 : y));
};

/**
 * Where things stand, and the channels of their heights; without z no arrows are drawn.
 * @typedef {{ x: number[], z?: number[] | null, yMax: number, pData: string, pGen: string, dProb: string, xOfZ: string }} Toy1DSpec
 */

/**
 * Goodfellow et al. (2014), Figure 1: two densities, D between them, and below, where G sends each z.
 * @implements {View}
 */
export class Toy1D {
  wide = true;

  /**
   * What it shows, in marks and words.
   * @param {boolean} arrows
   * @returns {Entry[]}
   */
  static legend(arrows) {
    return [
      ["real", "real data, density p"],
      ["fake", "generated, density q"],
      ["ink", "D(x), right scale"],
      ...(arrows ? [/** @type {Entry} */ (["arrow", "G carries z to x"])] : []),
      ["best", "p / (p + q), the best D there is", "best"],
    ];
  }

  /**
   * @param {Toy1DSpec} spec
   * @param {Channels} channels
   */
  constructor(spec, channels) {
    this.spec = spec;
    this.channels = channels;
    this.legend = Toy1D.legend(Boolean(spec.z));
  }

  /** @param {number} width */
  height(width) {
    return Math.round(Math.min(316, 160 + 0.26 * width) * (this.spec.z ? 1 : 0.78));
  }

  /**
   * @param {Context} c
   * @param {number} w
   * @param {number} h
   * @param {Pick<At, "run" | "frame" | "pal" | "toggled">} at
   */
  draw(c, w, h, { run, frame, pal, toggled }) {
    const { channels } = this;
    const { x, z, yMax, pData, pGen, dProb, xOfZ } = this.spec;
    const left = z ? 18 : 6;
    const right = w - 34;
    const base = z ? h - 94 : h - 34;
    const sx = scale(x[0], x[x.length - 1], left, right);
    const density = scale(0, yMax, base, 20);
    const prob = scale(0, 1, base, 20);
    const xs = x.map(sx);
    const p = Array.from(channels[pData].values(run));
    const q = Array.from(channels[pGen].values(run, frame));
    const d = smoothed(channels[dProb].values(run, frame));

    for (const level of [0, 0.5, 1]) {
      segment(c, left, prob(level), right, prob(level), { color: pal.hair, dash: level === 0.5 ? [2, 3] : [] });
      write(c, level === 0.5 ? "½" : level, right + 8, prob(level), pal.muted, "left");
    }
    write(c, "D(x)", w - 2, 7, pal.ink, "right");

    c.save();
    c.beginPath();
    c.rect(left, 14, right - left, base - 13);
    c.clip();
    area(c, xs, p.map(density), base, pal.real, 0.2);
    area(c, xs, q.map(density), base, pal.fake, 0.1);
    trace(c, xs, p.map(density), { color: pal.real, width: 2 });
    trace(c, xs, q.map(density), { color: pal.fake, width: 2.2, dash: [7, 4] });
    if (toggled) {
      // Where next to nothing lands there is no share to report: no dots, as `theory.best_where_seen` has it.
      const least = SHARED.seen * Math.max(...p);
      const best = p.map((v, i) => (v + q[i] > least ? v / (v + q[i]) : NaN));
      trace(c, xs, best.map(prob), { color: pal.ink, width: 2.6, dash: [0.1, 5.5], cap: "round", alpha: 0.75 });
    }
    trace(c, xs, d.map(prob), { color: pal.ink, width: 2.4 });
    c.restore();

    for (const v of ticks(x[0], x[x.length - 1], w / 80)) {
      segment(c, sx(v), base, sx(v), base + 4, { color: pal.muted });
      write(c, v, sx(v), base + 12, pal.muted);
    }
    if (z) this.arrows(c, z, channels[xOfZ].values(run, frame), left, right, base + 28, h - 10, sx, pal);
    else write(c, "x", (left + right) / 2, base + 26, pal.ink);
  }

  /**
   * Where each z lands.
   * @param {Context} c
   * @param {number[]} z
   * @param {ArrayLike<number>} landed
   * @param {number} left
   * @param {number} right
   * @param {number} top
   * @param {number} bottom
   * @param {(v: number) => number} sx
   * @param {Colours} pal
   */
  arrows(c, z, landed, left, right, top, bottom, sx, pal) {
    const sz = scale(z[0], z[z.length - 1], left + 0.14 * (right - left), right - 0.14 * (right - left));
    segment(c, left, top, right, top, { color: pal.muted });
    segment(c, left, bottom, right, bottom, { color: pal.muted });
    write(c, "x", left - 11, top, pal.ink);
    write(c, "z", left - 11, bottom, pal.ink);
    c.save();
    c.beginPath();
    c.rect(left, top - 6, right - left, bottom - top + 12);
    c.clip();
    z.forEach((v, i) => {
      if (!Number.isFinite(landed[i])) return;
      const [x0, x1] = [sz(v), sx(landed[i])];
      const angle = Math.atan2(top + 1 - bottom, x1 - x0);
      segment(c, x0, bottom, x1, top + 1, { color: pal.fake, width: 1.3, alpha: 0.75 });
      for (const turn of [2.7, -2.7]) {
        segment(c, x1, top + 1, x1 + 6 * Math.cos(angle + turn), top + 1 + 6 * Math.sin(angle + turn), {
          color: pal.fake,
          width: 1.3,
        });
      }
    });
    c.restore();
  }
}

/**
 * The area under a curve.
 * @param {Context} c
 * @param {number[]} xs
 * @param {number[]} ys
 * @param {number} base
 * @param {string} color
 * @param {number} alpha
 */
export function area(c, xs, ys, base, color, alpha) {
  c.beginPath();
  c.moveTo(xs[0], base);
  xs.forEach((v, i) => c.lineTo(v, Number.isFinite(ys[i]) ? ys[i] : base));
  c.lineTo(xs[xs.length - 1], base);
  fill(c, color, alpha);
}

/**
 * [frame, step] of about `count` labels: round steps where the record is even, else steps that were recorded.
 * @param {number[]} steps
 * @param {number} count
 */
function timeTicks(steps, count) {
  const last = steps.length - 1;
  const gaps = steps.slice(1).map((s, i) => s - steps[i]);
  if (Math.max(...gaps) < 1.6 * Math.min(...gaps) && last > 1) {
    return ticks(steps[0], steps[last], count).map((s) => {
      const i = Math.max(1, steps.findIndex((v) => v >= s));
      return [i - (steps[i] - s) / gaps[i - 1], s];
    });
  }
  const parts = Math.max(1, Math.min(last, count));
  return Array.from({ length: parts + 1 }, (_, i) => Math.round((i * last) / parts)).map((t) => [t, steps[t]]);
}

/** @typedef {[value: number, name: string]} Landmark a level that a loss is held against */
/**
 * The range and the channels of the losses, their unit, and landmarks: those of all runs, or of each.
 * @typedef {{ lo: number, hi: number, dLoss: string, gLoss: string, unit?: string, landmarks: Landmark[],
 *   marksOf?: Landmark[][] }} LossesSpec
 */

/**
 * Both losses over time. The bright part is the past; a click or a drag sets the time.
 * @implements {View}
 */
export class Losses {
  /**
   * What it shows, in marks and words.
   * @param {string} [named]
   * @returns {Entry[]}
   */
  static legend(named) {
    const unit = named ? `, ${named}` : "";
    return [
      ["ink", `D's loss${unit}`],
      ["fake", `G's loss${unit}`],
    ];
  }

  /**
   * @param {LossesSpec} spec
   * @param {Channels} channels
   */
  constructor(spec, channels) {
    this.spec = spec;
    this.channels = channels;
    this.legend = Losses.legend(spec.unit);
  }

  height() {
    return 150;
  }

  /** The landmarks of a run. */
  marks(run = 0) {
    return this.spec.marksOf?.[run] ?? this.spec.landmarks;
  }

  /** @param {Pick<At, "run" | "frame" | "steps">} at */
  alt({ run, frame, steps }) {
    const [d, g] = [this.spec.dLoss, this.spec.gLoss].map((key) => number(this.channels[key].values(run)[frame]));
    const marks = this.marks(run).map(([, name]) => name).join(", ");
    return `Both losses from step ${steps[0]} to step ${steps[steps.length - 1]}${marks && `, with dotted lines at ${marks}`}.` +
      ` At this step D's loss is ${d} and G's ${g}.`;
  }

  /**
   * Times stand evenly, as on the scrubber, and carry their step as a label.
   * @param {number} w
   * @param {number} frames
   */
  place(w, frames) {
    return scale(0, Math.max(frames - 1, 1), 34, w - 50);
  }

  /**
   * @param {number} px
   * @param {number} w
   * @param {number} frames
   */
  frameAt(px, w, frames) {
    const t = ((px - 34) / (w - 84)) * (frames - 1);
    return Math.max(0, Math.min(frames - 1, Math.round(t)));
  }

  /**
   * @param {Context} c
   * @param {number} w
   * @param {number} h
   * @param {Omit<At, "toggled">} at
   */
  draw(c, w, h, { run, frame, frames, steps, pal }) {
    const { channels } = this;
    const { lo, hi, dLoss, gLoss } = this.spec;
    const st = this.place(w, frames);
    const base = h - 22;
    const sy = scale(lo, hi, base, 8);
    const [d, g] = [channels[dLoss].values(run), channels[gLoss].values(run)];
    const xs = Array.from(d, (_, t) => st(t));
    for (const v of ticks(lo, hi, 3)) {
      segment(c, 34, sy(v), w - 50, sy(v), { color: pal.hair });
      write(c, v, 28, sy(v), pal.muted, "right");
    }
    const marks = this.marks(run);
    const levels = marks.map(([value]) => sy(value));
    const beside = spread(levels, 13, 7, base);
    marks.forEach(([, name], i) => {
      const y = levels[i];
      segment(c, 34, y, w - 50, y, { color: pal.ink, dash: [1, 3] });
      segment(c, w - 50, y, w - 45, beside[i], { color: pal.muted });
      write(c, name, w - 42, beside[i], pal.ink, "left");
    });
    for (const [t, step] of timeTicks(steps, Math.max(1, Math.floor((w - 84) / 80)))) {
      segment(c, st(t), base, st(t), base + 4, { color: pal.muted });
      write(c, step.toLocaleString("en"), st(t), base + 13, pal.muted);
    }
    segment(c, 34, base, w - 50, base, { color: pal.hair });
    const at = (/** @type {Numbers} */ values) => Array.from(values, (v) => Math.max(4, Math.min(base, sy(v))));
    for (const past of [false, true]) {
      c.save();
      c.beginPath();
      if (past) c.rect(0, 0, st(frame) + 0.5, h);
      else c.rect(st(frame) + 0.5, 0, w, h);
      c.clip();
      trace(c, xs, at(g), { color: pal.fake, width: 1.8, dash: [6, 3.5], alpha: past ? 1 : 0.3 });
      trace(c, xs, at(d), { color: pal.ink, width: 1.8, alpha: past ? 1 : 0.3 });
      c.restore();
    }
    segment(c, st(frame), 4, st(frame), base, { color: pal.muted });
    if (Number.isFinite(g[frame])) cross(c, st(frame), at(g)[frame], 4, { color: pal.fake, width: 2.4 });
    if (Number.isFinite(d[frame])) disc(c, st(frame), at(d)[frame], 4, pal.ink);
  }
}
