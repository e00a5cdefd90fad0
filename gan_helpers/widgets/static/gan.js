// A GAN that trains in the browser: the step of gan_helpers/train/loop.py, on the networks of net.js.
//
// In D's input rows the n generated samples come first and the n real ones after them, so that G's step can leave the
// real ones out of its backward pass.

import KNOBS from "../knobs.json" with { type: "json" }; // the table of settings, which Python reads too
import { GAMES, lossOfD, lossOfG } from "./games.js";
import { kernelDensity, N_COVER, Ruler } from "./measure.js";
import { Net, Optimizer } from "./net.js";
import { Rng } from "./rng.js";
import { range, TARGETS } from "./targets.js";

/** @import { Floats } from "./targets.js" */
/** @typedef {{ key: string, label: string, words?: string[], stops?: number[], default: number | string, live?: boolean, look?: boolean }} Knob */
/**
 * What can be set, in the table's words, and `points`, which a reader drew.
 * @typedef {{ target: string, game: string, gLr: number, dLr: number, nD: number, r1: number, r2: number, noise: number,
 *   batch: number, clip: number, optimizer: string, beta1: number, activation: string, zDim: number, prior: string,
 *   seed: number, points: number[], gHidden: number[], dHidden: number[] }} Settings
 */

/** @type {(knobs: Knob[]) => Record<string, number | string>} */
export const beginning = (knobs) => Object.fromEntries(knobs.map((knob) => [knob.key, knob.default]));
const LAYERS = ["gLayers", "gUnits", "dLayers", "dUnits"]; // the trainer has them as lists of units
const SINGLE = beginning(KNOBS.filter(({ key, look }) => !look && !LAYERS.includes(key)));
/** @type {Settings} */
export const DEFAULTS = Object.assign({ points: [], gHidden: [32, 32], dHidden: [32, 32] }, /** @type {any} */ (SINGLE));
// What a running GAN accepts.
export const LIVE = KNOBS.filter((knob) => knob.live).map((knob) => knob.key);
/** @type {Record<string, string[]>} */
const CHOICES = Object.fromEntries(KNOBS.map(({ key, words }) => [key, words ?? []]));
// Of the kernel estimate of q.
export const BANDWIDTH = 0.15;
// Points of the loss curves at most.
const RECORDED = 500;
// A ruler for each named target, kept because it costs some milliseconds.
/** @type {Record<string, Ruler>} */
const RULERS = {};

// Doubles as the singles that are handed out, none of them infinite, nor the distance of two.
/** @param {number} v */
const narrow = (v) => Math.max(-1e37, Math.min(1e37, v));

export class Gan {
  steps = 0;
  /** The iteration at which the run broke down; 0 if it has not. */
  diverged = 0;
  /** @type {number | null} */ dLoss = null;
  /** @type {number | null} */ gLoss = null;
  /** Of so many iterations one is recorded. */
  every = 1;
  /** @type {{ step: number[], d: (number | null)[], g: (number | null)[] }} */
  losses = { step: [], d: [], g: [] };
  /** @type {Ruler | undefined} */ ruler;
  /** The last batch, without noise. */
  real = new Float64Array();

  /** @param {Partial<Settings>} settings */
  constructor(settings = {}) {
    this.settings = { ...DEFAULTS };
    this.accept(settings, Object.keys(DEFAULTS));
    const s = this.settings;
    if (s.target === "drawn" && s.points.length < 2) throw new RangeError("draw at least one point first");
    this.target = TARGETS[s.target](s.points);
    this.dim = this.target.dim;
    const [start, data, latent, noise, shown, judged] = range(6, (k) => new Rng(s.seed, k));
    this.streams = { data, latent, noise, shown };
    this.G = new Net([s.zDim, ...s.gHidden, this.dim], s.activation);
    this.D = new Net([this.dim, ...s.dHidden, 1], s.activation);
    for (const net of [this.G, this.D]) net.start(start);
    this.optimizerG = new Optimizer(s.optimizer, this.G.weights.length);
    this.optimizerD = new Optimizer(s.optimizer, this.D.weights.length);
    // G is judged, and its density drawn, by the same z all along.
    this.zFixed = this.latents(new Float32Array(N_COVER * s.zDim), judged);
    this.reserve();
  }

  /**
   * @param {Partial<Settings>} changes
   * @param {string[]} valid
   */
  accept(changes, valid) {
    for (const [name, value] of Object.entries(changes)) {
      if (!valid.includes(name)) throw new RangeError(`no setting ${name} here: choose from ${valid.join(", ")}`);
      const choices = CHOICES[name];
      if (choices?.length && !choices.includes(String(value))) throw new RangeError(`${name} is one of ${choices.join(", ")}`);
    }
    Object.assign(this.settings, changes);
  }

  /**
   * Change the running GAN; what would need other networks or other data is refused.
   * @param {Partial<Settings>} changes
   */
  set(changes) {
    const before = this.settings.batch;
    this.accept(changes, LIVE);
    if (this.settings.batch !== before) this.reserve();
  }

  /**
   * The batch, as a whole number. Among settings it lies beside fractions, as one of which an engine then stores it, and
   * loops that count up to a fraction take half as long again.
   */
  get n() {
    return this.settings.batch | 0;
  }

  reserve() {
    this.G.reserve(Math.max(this.n, 256));
    this.D.reserve(Math.max(2 * this.n, 256));
    this.real = this.drawReal(new Float64Array(this.n * this.dim), this.streams.data);
  }

  // ---- samples

  /**
   * @template {Floats} T
   * @param {T} out
   * @param {Rng} rng
   */
  drawReal(out, rng) {
    for (let i = 0; i < out.length; i += this.dim) this.target.draw(rng, out, i);
    return out;
  }

  /**
   * @template {Floats} T
   * @param {T} out
   * @param {Rng} rng
   * @param {number} end
   */
  latents(out, rng, end = out.length) {
    const normal = this.settings.prior === "normal";
    for (let i = 0; i < end; i++) out[i] = normal ? rng.normal() : 2 * rng.uniform() - 1;
    return out;
  }

  /** @param {number} n */
  sampleZ(n) {
    return this.latents(new Float32Array(n * this.settings.zDim), this.streams.shown);
  }

  /** @param {number} n */
  sampleReal(n) {
    return this.drawReal(new Float32Array(n * this.dim), this.streams.shown);
  }

  // ---- training

  /** One iteration: nD updates of D and one of G. */
  step() {
    for (let k = 0; k < this.settings.nD; k++) this.dStep();
    this.gStep();
  }

  dStep() {
    if (this.diverged) return;
    this.drawReal(this.real, this.streams.data);
    this.drawLatents();
    this.updateD();
  }

  gStep() {
    if (this.diverged) return;
    this.drawLatents();
    this.updateG();
  }

  /**
   * The same on given real samples and z.
   * @param {ArrayLike<number>} xReal
   * @param {ArrayLike<number>} z
   */
  dStepOn(xReal, z) {
    this.real.set(xReal);
    this.G.h[0].set(z);
    this.updateD();
  }

  /**
   * @param {ArrayLike<number>} z
   * @param {ArrayLike<number>} xReal
   */
  gStepOn(z, xReal = this.real) {
    this.real.set(xReal);
    this.G.h[0].set(z);
    this.updateG();
  }

  drawLatents() {
    this.latents(this.G.h[0], this.streams.latent, this.n * this.G.widths[0]);
  }

  /**
   * D's outputs on n generated samples and, where `withReal`, on n real ones, all with instance noise.
   * @param {boolean} withReal
   */
  judge(withReal) {
    const { n } = this;
    const { noise } = this.settings;
    const fake = this.G.forward(n);
    const x = this.D.h[0];
    const size = n * this.dim;
    const end = withReal ? 2 * size : size;
    for (let i = 0; i < end; i++) x[i] = i < size ? fake[i] : this.real[i - size];
    if (noise) for (let i = 0; i < end; i++) x[i] += noise * this.streams.noise.normal();
    return this.D.forward(end / this.dim);
  }

  /** G(z) enters as numbers, so nothing of this loss reaches G: the `detach` of PyTorch. */
  updateD() {
    const { game, r1, r2, dLr, clip } = this.settings;
    const { D, n } = this;
    const logits = this.judge(true);
    const loss = lossOfD(GAMES[game], logits, D.d[D.layers.length], n);
    if (!this.finite(loss)) return;
    this.dLoss = loss;
    D.grad.fill(0);
    if (r2) D.penalty(0, n, r2 / n);
    if (r1) D.penalty(n, 2 * n, r1 / n);
    D.backward(2 * n, false, r2 ? 0 : n, r1 ? 2 * n : n);
    this.update(D, this.optimizerD, dLr);
    if (game === "wasserstein" && clip) {
      for (let i = 0; i < D.weights.length; i++) D.weights[i] = Math.max(-clip, Math.min(clip, D.weights[i]));
    }
  }

  /** The gradient passes through D to its input, which is G's output, and D stays as it is. */
  updateG() {
    const { game, gLr } = this.settings;
    const { D, G, n } = this;
    const logits = this.judge(Boolean(GAMES[game].paired));
    const loss = lossOfG(GAMES[game], logits, D.d[D.layers.length], n);
    if (!this.finite(loss)) return;
    this.gLoss = loss;
    D.backward(n, true);
    const seeds = G.d[G.layers.length];
    for (let i = 0; i < n * this.dim; i++) seeds[i] = D.d[0][i];
    G.grad.fill(0);
    G.backward(n, false);
    this.update(G, this.optimizerG, gLr);
    this.steps++;
    this.record();
  }

  /**
   * @param {Net} net
   * @param {Optimizer} optimizer
   * @param {number} lr
   */
  update(net, optimizer, lr) {
    if (!optimizer.update(net.weights, net.grad, lr, this.settings.beta1)) this.diverged ||= this.steps + 1;
  }

  /**
   * PyTorch would hold the loss in single precision, and what it could not hold counts as diverged.
   * @param {number} loss
   */
  finite(loss) {
    if (!Number.isFinite(Math.fround(loss))) this.diverged ||= this.steps + 1;
    return !this.diverged;
  }

  /** Every iteration at first; when the record is full every second point goes, and only every second is added. */
  record() {
    if (this.steps % this.every) return;
    const { step, d, g } = this.losses;
    step.push(this.steps);
    d.push(this.dLoss);
    g.push(this.gLoss);
    if (step.length <= RECORDED) return;
    this.every *= 2;
    for (const values of [d, g, step]) {
      let kept = 0;
      values.forEach((v, i) => step[i] % this.every || (values[kept++] = v));
      values.length = kept;
    }
  }

  // ---- looking, which changes nothing that is trained

  /**
   * Pass n inputs through a network, as many at a time as it has room for; `read(output, rows)` says what is kept.
   * @param {Net} net
   * @param {ArrayLike<number>} x
   * @param {number} n
   * @param {number} width
   * @param {(output: Float64Array, rows: number) => Float64Array} read
   */
  through(net, x, n, width, read) {
    const inn = net.widths[0];
    const out = new Float32Array(n * width);
    for (let at = 0; at < n; at += net.rows) {
      const rows = Math.min(net.rows, n - at);
      for (let i = 0; i < rows * inn; i++) net.h[0][i] = x[at * inn + i];
      const found = read(net.forward(rows), rows);
      for (let i = 0; i < rows * width; i++) out[at * width + i] = narrow(found[i]);
    }
    return out;
  }

  /**
   * G at given z.
   * @param {ArrayLike<number>} z
   * @param {number} n
   */
  generate(z, n) {
    return this.through(this.G, z, n, this.dim, (x) => x);
  }

  /**
   * D before the sigmoid.
   * @param {ArrayLike<number>} x
   * @param {number} n
   */
  logits(x, n) {
    return this.through(this.D, x, n, 1, (l) => l);
  }

  /**
   * Where G's loss pushes each sample: minus the gradient of G's actual loss, times n. In a paired game the mean over
   * the last real batch is taken as partners.
   * @param {ArrayLike<number>} x
   * @param {number} n
   */
  push(x, n) {
    const { paired, g } = GAMES[this.settings.game];
    const partners = paired ? [...this.logits(this.real, this.n)] : [0];
    const seeds = this.D.d[this.D.layers.length];
    return this.through(this.D, x, n, this.dim, (l, rows) => {
      for (let i = 0; i < rows; i++) {
        seeds[i] = -partners.reduce((sum, partner) => sum + g[1](l[i] - partner), 0) / partners.length;
      }
      this.D.backward(rows, true);
      return this.D.d[0];
    });
  }

  /**
   * The density of a 1-D target, exact.
   * @param {ArrayLike<number>} x
   */
  pData(x) {
    return Float32Array.from(x, (at) => this.target.pdf(at));
  }

  /**
   * The density of G in one dimension, a kernel estimate.
   * @param {Floats | number[]} x
   */
  pGen(x) {
    return kernelDensity(this.generate(this.zFixed, N_COVER), x, BANDWIDTH);
  }

  /**
   * The best report a discriminator can give, p / (p + q), in 1-D. Where nothing ever lands it is 0.5.
   * @param {Floats | number[]} x
   */
  bestD(x) {
    const [p, q] = [this.pData(x), this.pGen(x)];
    return p.map((v, i) => (v + q[i] > 0 ? v / (v + q[i]) : 0.5));
  }

  /** Scores of 2,500 generated samples, with their floor and ceiling, see Ruler. */
  measure() {
    const { target } = this.settings;
    this.ruler ??= RULERS[target] ?? new Ruler(this.target, new Rng(0, 6));
    if (target !== "drawn") RULERS[target] = this.ruler;
    const { floor, ceiling } = this.ruler;
    return { ...this.ruler.score(this.generate(this.zFixed, N_COVER)), floor, ceiling };
  }

  // ---- weights, in PyTorch's order of parameters

  exportWeights() {
    return { g: Float32Array.from(this.G.weights), d: Float32Array.from(this.D.weights) };
  }

  /** @param {{ g: ArrayLike<number>, d: ArrayLike<number> }} weights */
  importWeights({ g, d }) {
    this.G.weights.set(g);
    this.D.weights.set(d);
  }
}
