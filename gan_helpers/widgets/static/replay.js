// <gan-replay data="..."> shows recorded training runs: settings choose the run, a scrubber the time.

import { unpack } from "./codec.js";
import { fill, number, prepare, write } from "./draw.js";
import { make, wants } from "./element.js";
import { Images } from "./images.js";
import { Points } from "./plane.js";
import { GanPlayer } from "./player.js";
import { scrub, waitForFinger } from "./touch.js";
import { Losses, Toy1D } from "./views.js";

/** @import { Channels } from "./codec.js" */
/** @import { Setting } from "./player.js" */
/** @import { View } from "./views.js" */
/**
 * What was recorded, as replay.py packs it: `steps` of the frames, `diverged`, the frame at which each run broke down or
 * -1, `metrics`, names and their channels, and `first`, the frame that is shown at first.
 * @typedef {{ title: string, alt: string, steps: number[], settings: Setting[], metrics: [string, string][],
 *   views: any[], diverged: number[], toggled: boolean, first: number, autoplay: boolean, loop: boolean, fps: number }} Meta
 */

/** @type {Record<string, new (spec: any, channels: Channels) => View>} */
const VIEWS = { Toy1D, Losses, Images, Points };

class GanReplay extends GanPlayer {
  frame = 0;
  toggled = false;
  decodeMs = 0;
  /** @type {number[]} */ choice = [];
  /** @type {View[]} */ views = [];
  /** @type {HTMLCanvasElement[]} */ canvases = [];
  /** @type {Channels} */ channels = {};
  /** @type {Meta} */ meta = /** @type {any} */ ({}); // until it is unpacked
  scrubber = waitForFinger(make("input", { type: "range", id: "time", min: 0, step: 1, value: 0 }));
  metrics = make("div", { className: "metrics" });
  settings = make("div", { className: "settings" });
  pictures = make("div", { className: "views" });
  lead = make("div"); // the first picture, which on a phone stands above what sets it

  async start() {
    const began = performance.now();
    const { meta, channels } = await unpack(this.getAttribute("data") ?? "");
    this.decodeMs = performance.now() - began;
    this.meta = meta;
    this.channels = channels;
    this.choice = this.meta.settings.map((s) => s.at);
    this.toggled = this.meta.toggled;
    this.views = this.meta.views.map((spec) => new VIEWS[spec.type](spec, channels));
    this.build();
    this.show(this.meta.first);
    if (this.meta.autoplay && !wants("(prefers-reduced-motion: reduce)")) this.play();
    this.ready();
  }

  // ---- the parts on the page

  build() {
    const { meta, scrubber } = this;
    this.canvases = this.views.map((view) => {
      const canvas = make("canvas", { role: "img" });
      const frameAt = view.frameAt?.bind(view);
      if (frameAt) scrub(canvas, (event) => this.go(frameAt(event.offsetX, canvas.clientWidth, meta.steps.length)));
      return canvas;
    });
    const [lead, ...others] = this.views.map((view, i) =>
      make("div", { className: view.wide ? "view wide" : "view" }, this.legendOf(view.legend), this.canvases[i]),
    );
    scrubber.max = String(meta.steps.length - 1);
    scrubber.addEventListener("input", () => this.go(+scrubber.value));
    const time = make("div", { className: "time" }, this.button, make("div", {},
      make("div", { className: "head" }, make("label", { htmlFor: "time", textContent: "Training step" }), this.clock),
      make("div", { className: "slider" }, scrubber)));
    time.hidden = meta.steps.length < 2;
    this.settings.append(...meta.settings.map((setting, i) => this.control(`s${i}`, setting, (k) => this.choose(i, k))));
    this.settings.hidden = !meta.settings.length;
    this.lead = lead;
    this.pictures.append(lead, ...others);
    this.stand(meta.title, "", this.settings, time, this.metrics, this.pictures);
    this.arrange(this.isNarrow);
    this.labelButton();
  }

  /** @param {boolean} narrow */
  arrange(narrow) {
    super.arrange(narrow);
    if (narrow) this.settings.before(this.lead);
    else this.pictures.prepend(this.lead);
  }

  isOn() {
    return this.toggled;
  }

  /**
   * @param {string} _key
   * @param {boolean} on
   */
  flip(_key, on) {
    this.toggled = on;
    this.redraw();
  }

  // ---- what is shown

  get run() {
    return this.choice.reduce((run, k, i) => run * this.meta.settings[i].labels.length + k, 0);
  }

  /**
   * @param {number} i
   * @param {number} k
   */
  choose(i, k) {
    this.choice[i] = k;
    this.show(this.frame);
    this.tell(true);
  }

  /** @param {number} frame */
  go(frame) {
    this.pause();
    this.show(frame);
  }

  /** @param {number} frame */
  show(frame) {
    this.frame = frame;
    const { meta, scrubber } = this;
    const part = meta.steps.length > 1 ? frame / (meta.steps.length - 1) : 0;
    scrubber.value = String(frame);
    scrubber.style.setProperty("--fillbar",
      `linear-gradient(90deg, var(--ink) calc(9px + (100% - 18px) * ${part}), var(--track) 0)`);
    this.clock.textContent = meta.steps[frame].toLocaleString("en");
    scrubber.setAttribute("aria-valuetext", `step ${this.clock.textContent}`);
    const item = (/** @type {string[]} */ [name, value]) => make("span", {}, `${name} `, make("b", { textContent: value }));
    this.metrics.replaceChildren(...this.readings().map(item));
    this.redraw();
    this.tell();
  }

  /** A run that broke down says so from that frame on. */
  get broken() {
    const at = this.meta.diverged[this.run];
    return at >= 0 && this.frame >= at ? `diverged at step ${this.meta.steps[at].toLocaleString("en")}` : "";
  }

  /** Names and numbers. */
  readings() {
    const found = this.meta.metrics.map(([name, key]) => [name, number(this.channels[key].values(this.run, this.frame)[0])]);
    for (const view of this.views) found.push(...(view.readings?.(this) ?? []));
    return this.broken ? [...found, ["run", this.broken]] : found;
  }

  sentence() {
    const { meta } = this;
    const chosen = meta.settings.map((s, i) => `${s.label} ${s.labels[this.choice[i]]}`);
    const read = this.readings().map(([name, value]) => `${name} ${value}`);
    return `Step ${this.clock.textContent}. ${[...chosen, ...read].join(", ")}.`;
  }

  paint() {
    this.views.forEach((view, i) => this.drawView(view, this.canvases[i]));
  }

  /**
   * @param {View} view
   * @param {HTMLCanvasElement} canvas
   */
  drawView(view, canvas) {
    const width = canvas.clientWidth;
    if (!width) return;
    const height = view.height(width);
    const c = prepare(canvas, width, height, this.font);
    const { run, frame, pal, toggled, meta } = this;
    const at = { run, frame, frames: meta.steps.length, steps: meta.steps, pal, toggled };
    view.draw(c, width, height, at);
    if (this.broken && !view.frameAt) {
      const half = c.measureText(this.broken).width / 2 + 10;
      c.beginPath();
      c.rect(width / 2 - half, height * 0.3 - 13, 2 * half, 26);
      fill(c, pal.ink);
      write(c, this.broken, width / 2, height * 0.3, pal.paper);
    }
    canvas.setAttribute("aria-label", `${view.alt?.(at) ?? meta.alt} ${this.sentence()}`);
  }

  // ---- time

  play() {
    const last = this.meta.steps.length - 1;
    this.away = false;
    if (this.frame >= last) this.show(0);
    this.timer = setInterval(() => {
      if (this.frame >= last && this.meta.loop) return this.show(0);
      if (this.frame + 1 >= last && !this.meta.loop) this.pause();
      this.show(Math.min(this.frame + 1, last));
    }, 1000 / this.meta.fps);
    this.labelButton();
  }

  pause() {
    if (!this.timer) return;
    clearInterval(this.timer);
    this.timer = 0;
    this.labelButton();
    this.tell();
  }
}

customElements.define("gan-replay", GanReplay);
