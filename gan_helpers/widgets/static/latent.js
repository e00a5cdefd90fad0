// <gan-latent data="..."> runs a trained generator on the page: sliders move its latent z, the pictures show G(z).

import { unpack } from "./codec.js";
import { context } from "./draw.js";
import { GanElement, make } from "./element.js";
import { generatorOf } from "./layers.js";
import { toPixels } from "./pixels.js";
import { Rng } from "./rng.js";
import { paper } from "./theme.js";
import { waitForFinger } from "./touch.js";

/** @import { LayerSpec } from "./layers.js" */
/**
 * What latent.py packs: the generator's layers, what it draws, and the seed of the first samples.
 * @typedef {{ title: string, alt: string, shape: number[], channels: number, range: number[], zDim: number, seed: number,
 *   layers: LayerSpec[] }} Meta
 */
/**
 * @typedef {{ label: string, min: number, max: number, strip: HTMLCanvasElement, output: HTMLElement,
 *   input: HTMLInputElement, all: HTMLElement }} Way a slider under a strip of the pictures to which it leads
 */

const LATENT_LOOKS = `
.latent { display: grid; grid-template-columns: minmax(0, 5fr) minmax(0, 7fr); gap: 14px 24px;
  align-items: start; }
.latent > div > canvas { border: 1px solid var(--hair); border-radius: 6px; image-rendering: pixelated; }
.ways { display: flex; flex-direction: column; gap: 10px; }
.ways .head { margin-bottom: 4px; } .ways .slider { margin: 2px calc(100% / 18 - 9px) 0; }
.row { display: flex; flex-wrap: wrap; gap: 6px; margin-top: 10px; }
.row button { font: inherit; color: var(--ink); background: none; border: 1px solid var(--muted); border-radius: 8px;
  min-height: 40px; padding: 0 12px; cursor: pointer; }
.row button:hover { background: var(--well); }
@media (max-width: 600px) { .latent { grid-template-columns: minmax(0, 1fr); }
  .latent > div > canvas { width: 70%; margin: 0 auto; } .row { justify-content: center; } }
`;
const STOPS = 9; // pictures in the strip above a slider
const PATIENCE = 10; // milliseconds of drawing in one animation frame

class GanLatent extends GanElement {
  /** @type {Meta} */ meta = /** @type {any} */ ({}); // until it is unpacked
  /** G(z), row after row. */
  picture = (/** @type {Float32Array} */ z) => z;
  /** @type {Float32Array} One after another. */ directions = new Float32Array();
  /** @type {{ name: number, z: Float32Array }[]} */ ends = [];
  drawn = 0; // how many samples the seed has given
  patience = PATIENCE;
  big = make("canvas", { role: "img" });
  bigState = "";
  /** @type {Float32Array} The big picture. */ shown = new Float32Array();
  /** @type {Way[]} */ ways = [];
  /** @type {{ way: number, stop: number, state: string }[]} The pictures of the strips. */ small = [];
  turn = 0; // which of them is looked at next

  async start() {
    const { meta, channels } = await unpack(this.getAttribute("data") ?? "");
    this.meta = meta;
    this.picture = generatorOf(this.meta.layers, channels);
    this.directions = channels.directions.values(0);
    for (const end of [0, 1]) this.sample(end);
    this.build();
    this.ready();
  }

  // ---- the parts on the page

  build() {
    const { meta } = this;
    const [height, width] = meta.shape;
    Object.assign(this.big, { width, height });
    const button = (/** @type {string} */ textContent, /** @type {() => void} */ onclick) =>
      make("button", { type: "button", textContent, onclick });
    const renew = (/** @type {number} */ end) => {
      this.sample(end);
      this.changed();
    };
    const buttons = make("div", { className: "row" }, button("New A", () => renew(0)), button("New B", () => renew(1)),
      button("Directions to 0", () => {
        for (const { input } of this.ways.slice(1)) input.value = "0";
        this.changed();
      }));
    const count = this.directions.length / meta.zDim;
    const along = Array.from({ length: count }, (_, k) => this.slider(`d${k + 1}`, `Direction ${k + 1}`, -3, 3, 0.1, 0));
    this.ways = [this.slider("between", "Between A and B", 0, 1, 0.01, 0.5), ...along];
    const stops = Array.from({ length: STOPS }, (_, i) => i);
    this.small = this.ways.flatMap((_, way) => stops.map((stop) => ({ way, stop, state: "" })));
    const sliders = make("div", { className: "ways" }, ...this.ways.map((way) => way.all));
    this.stand(meta.title, LATENT_LOOKS, make("div", { className: "latent" }, make("div", {}, this.big, buttons), sliders));
  }

  /**
   * A slider under a strip of the pictures to which it leads.
   * @param {string} id
   * @param {string} label
   * @param {number} min
   * @param {number} max
   * @param {number} step
   * @param {number} value
   * @returns {Way}
   */
  slider(id, label, min, max, step, value) {
    const [height, width] = this.meta.shape;
    const strip = make("canvas", { role: "img", width: STOPS * (width + 1) - 1, height });
    strip.setAttribute("aria-label", `${label}: ${STOPS} pictures, from ${min} to ${max}`);
    const output = make("span", { className: "value" });
    const input = waitForFinger(make("input", { type: "range", id, min, max, step, value }));
    input.addEventListener("input", () => this.changed());
    const head = make("div", { className: "head" }, make("label", { htmlFor: id, textContent: label }), output);
    return { label, min, max, strip, output, input, all: make("div", {}, head, strip, make("div", { className: "slider" }, input)) };
  }

  // ---- the latent, and the picture of it

  /**
   * A new end of the path: the next sample of N(0, I) that the seed gives.
   * @param {number} end
   */
  sample(end) {
    const rng = new Rng(this.meta.seed, ++this.drawn);
    this.ends[end] = { name: this.drawn, z: Float32Array.from({ length: this.meta.zDim }, () => rng.normal()) };
  }

  get values() {
    return this.ways.map(({ input }) => +input.value);
  }

  /**
   * The squares of the two factors add up to 1: between two samples of N(0, I) lies a sample of N(0, I).
   * @param {number[]} values
   */
  latent([t, ...along]) {
    const [a, b] = this.ends;
    const [near, far] = [Math.cos((t * Math.PI) / 2), Math.sin((t * Math.PI) / 2)];
    const moved = (/** @type {number} */ i) =>
      along.reduce((sum, step, k) => sum + step * this.directions[k * a.z.length + i], 0);
    return a.z.map((v, i) => near * v + far * b.z[i] + moved(i));
  }

  /**
   * Paints a picture into a canvas.
   * @param {HTMLCanvasElement} canvas
   * @param {Float32Array} x
   * @param {number} left
   */
  put(canvas, x, left = 0) {
    const [height, width] = this.meta.shape;
    const [lo, hi] = this.meta.range;
    const c = context(canvas);
    const image = c.createImageData(width, height);
    toPixels(image.data, x.map((v) => (255 * (v - lo)) / (hi - lo)), this.meta.channels);
    c.putImageData(image, left, 0);
  }

  // ---- what is shown

  changed() {
    this.redraw();
    this.tell();
  }

  paint() {
    this.drawStale(paper.now ? Infinity : performance.now() + this.patience);
  }

  /**
   * What a picture shows depends on: A, B and the sliders, for a strip those of the others only.
   * @param {number} way
   */
  state(way = -1) {
    return [...this.ends.map((end) => end.name), ...this.values.map((v, k) => (k === way ? "" : v))].join();
  }

  /**
   * What no longer shows its state: the big picture at once, those of the strips in turn, the rest in the next frame.
   * @param {number} until
   */
  drawStale(until) {
    const { small, ways, meta } = this;
    if (this.bigState !== this.state()) this.drawBig();
    const states = ways.map((_, way) => this.state(way));
    for (let fresh = 0; fresh < small.length; fresh++) {
      const one = small[this.turn];
      this.turn = (this.turn + 1) % small.length;
      if (one.state === states[one.way]) continue;
      const { min, max, strip } = ways[one.way];
      const there = this.values.map((v, way) => (way === one.way ? min + ((max - min) * one.stop) / (STOPS - 1) : v));
      this.put(strip, this.picture(this.latent(there)), one.stop * (meta.shape[1] + 1));
      one.state = states[one.way];
      if (performance.now() > until) return this.redraw();
    }
  }

  drawBig() {
    const { values } = this;
    this.bigState = this.state();
    this.shown = this.picture(this.latent(values));
    this.put(this.big, this.shown);
    this.ways.forEach(({ output, input }, k) => {
      output.textContent = values[k].toFixed(k ? 1 : 2);
      input.setAttribute("aria-valuetext", k ? output.textContent : `${Math.round(100 * values[0])}% of the way to B`);
    });
    this.big.setAttribute("aria-label", `${this.meta.alt} ${this.sentence()}`);
  }

  sentence() {
    const { values, ends, ways, shown, meta } = this;
    const middle = (meta.range[0] + meta.range[1]) / 2;
    const bright = shown.filter((v) => v > middle).length / shown.length;
    const along = ways.slice(1).map(({ label }, k) => `${label} at ${values[k + 1].toFixed(1)}`);
    return `${Math.round(100 * values[0])}% of the way from A, sample ${ends[0].name}, to B, sample ${ends[1].name}.` +
      ` ${along.join(", ")}. ${Math.round(100 * bright)}% of the pixels are bright.`;
  }
}

customElements.define("gan-latent", GanLatent);
