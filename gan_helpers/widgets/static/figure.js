// <gan-figure kind="..."> computes what it shows: a closed form under sliders. Nothing is trained and nothing recorded.

import { Bumps } from "./bumps.js";
import { legendMark, prepare } from "./draw.js";
import { GanElement, make } from "./element.js";
import { Field } from "./field.js";
import { Kernel } from "./kernel.js";
import { Point } from "./point.js";
import { scrub, waitForFinger } from "./touch.js";

/** @import { Colours, Context } from "./draw.js" */
/** @typedef {Record<string, number>} Values what the controls say, by their names */
/** @typedef {{ label: string, at: number, words?: string[], min?: number, max?: number, step?: number }} Knob */
/**
 * What a kind of figure has: its controls, what it draws and says, and what a drag to a place of the picture sets.
 * @typedef {{ knobs: Record<string, Knob>, legend: string[][], height: (width: number) => number,
 *   draw: (c: Context, w: number, h: number, values: Values, pal: Colours) => void,
 *   readings: (values: Values) => string[][], sentence: (values: Values) => string,
 *   drag?: (x: number, y: number, w: number, h: number) => Values }} Kind
 */

/** @type {Record<string, new () => Kind>} */
const KINDS = { point: Point, bumps: Bumps, field: Field, kernel: Kernel };
const FIGURE_LOOKS = ".settings { margin: 12px 0 0; }";

class GanFigure extends GanElement {
  /** @type {Kind} */ kind = new Point();
  canvas = make("canvas", { role: "img" });
  metrics = make("p", { className: "metrics" });
  /** @type {Record<string, HTMLInputElement | HTMLSelectElement>} */ inputs = {};
  /** @type {Record<string, HTMLElement>} */ outputs = {};

  async start() {
    this.kind = new KINDS[this.getAttribute("kind") ?? ""]();
    const title = this.querySelector("strong")?.textContent ?? "";
    const knobs = Object.entries(this.kind.knobs).map(([id, knob]) => this.control(id, knob));
    const items = this.kind.legend.map(([mark, text]) => make("li", {}, legendMark(mark), text));
    const legend = make("ul", { className: "legend", "aria-label": "Legend" }, ...items);
    const drag = this.kind.drag?.bind(this.kind);
    if (drag) {
      scrub(this.canvas, ({ clientX, clientY }) => {
        const { left, top, width, height } = this.canvas.getBoundingClientRect();
        this.set(drag(clientX - left, clientY - top, width, height));
      });
    }
    this.stand(title, FIGURE_LOOKS, legend, make("div", { className: "figure" }, this.canvas), this.metrics,
      make("div", { className: "settings" }, ...knobs));
    this.ready();
    this.changed();
  }

  /**
   * @param {string} id
   * @param {Knob} knob
   */
  control(id, { label, at, words, min, max, step }) {
    const output = make("span", { className: words ? "stated" : "value" });
    const head = make("div", { className: "head" }, make("label", { htmlFor: id, textContent: label }), output);
    const option = (/** @type {string} */ textContent, /** @type {number} */ value) => make("option", { textContent, value });
    const input = words ? make("select", { id }, ...words.map(option))
      : waitForFinger(make("input", { type: "range", id, min, max, step }));
    input.value = String(at);
    input.addEventListener("input", () => this.changed());
    Object.assign(this.inputs, { [id]: input });
    Object.assign(this.outputs, { [id]: output });
    return make("div", {}, head, words ? input : make("div", { className: "slider" }, input));
  }

  /** @returns {Values} */
  get values() {
    return Object.fromEntries(Object.entries(this.inputs).map(([id, input]) => [id, +input.value]));
  }

  /**
   * Moves controls, as far as they go.
   * @param {Values} values
   */
  set(values) {
    for (const [id, value] of Object.entries(values)) this.inputs[id].value = String(value);
    this.changed();
  }

  changed() {
    const { values, kind } = this;
    for (const [id, { words, step = 1 }] of Object.entries(kind.knobs)) {
      const digits = (String(step).split(".")[1] ?? "").length;
      this.outputs[id].textContent = words ? words[values[id]] : values[id].toFixed(digits);
    }
    const reading = (/** @type {string[]} */ [name, value]) => make("span", {}, `${name} `, make("b", { textContent: value }));
    this.metrics.replaceChildren(...kind.readings(values).map(reading));
    this.canvas.setAttribute("aria-label", this.sentence());
    this.redraw();
    this.tell();
  }

  paint() {
    const { canvas, kind } = this;
    const width = canvas.clientWidth || 600;
    const height = kind.height(width);
    kind.draw(prepare(canvas, width, height, this.font), width, height, this.values, this.pal);
  }

  sentence() {
    return this.kind.sentence(this.values);
  }
}

customElements.define("gan-figure", GanFigure);
