// <gan-latent data="..."> runs a trained generator on the page: sliders move its latent z, the pictures show G(z).
// Sight, theme and what a screen reader is told are those of <gan-replay>.

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
class GanLatent extends GanReplay {
  async start() {
    const { meta, channels } = await unpack(this.getAttribute("data"));
    this.picture = generatorOf(meta.layers, channels); // G(z), row after row
    this.ways = channels.directions.values(0); // direction after direction
    Object.assign(this, { meta, drawn: 0, ends: [], patience: PATIENCE });
    for (const end of [0, 1]) this.sample(end);
    this.build();
    this.recolour();
    this.dispatchEvent(new CustomEvent("ready"));
  }

  // ---- the parts on the page

  build() {
    const { meta } = this;
    const [height, width] = meta.shape;
    this.big = make("canvas", { role: "img", width, height });
    const button = (textContent, onclick) => make("button", { type: "button", textContent, onclick });
    const renew = (end) => {
      this.sample(end);
      this.changed();
    };
    const buttons = make("div", { className: "row" }, button("New A", () => renew(0)), button("New B", () => renew(1)),
      button("Directions to 0", () => {
        for (const { input } of this.sliders.slice(1)) input.value = 0;
        this.changed();
      }));
    const count = this.ways.length / meta.zDim;
    const along = Array.from({ length: count }, (_, k) => this.slider(`d${k + 1}`, `Direction ${k + 1}`, -3, 3, 0.1, 0));
    this.sliders = [this.slider("between", "Between A and B", 0, 1, 0.01, 0.5), ...along];
    const stops = Array.from({ length: STOPS }, (_, i) => i);
    this.small = this.sliders.flatMap((_, way) => stops.map((stop) => ({ way, stop }))); // the pictures of the strips
    this.turn = 0; // which of them is looked at next
    this.told = make("p", { className: "told", role: "status", "aria-live": "polite" });
    this.card = make("div", { className: "card", role: "group", "aria-label": meta.title },
      make("p", { className: "title", textContent: meta.title }),
      make("div", { className: "latent" }, make("div", {}, this.big, buttons),
        make("div", { className: "ways" }, ...this.sliders.map((s) => s.all))),
      this.told);
    this.shadowRoot.replaceChildren(make("style", { textContent: LOOKS + LATENT_LOOKS }), this.card);
  }

  // A slider under a strip of the pictures to which it leads.
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

  // A new end of the path: the next sample of N(0, I) that the seed gives.
  sample(end) {
    const rng = new Rng(this.meta.seed, ++this.drawn);
    this.ends[end] = { name: this.drawn, z: Float32Array.from({ length: this.meta.zDim }, () => rng.normal()) };
  }

  get values() {
    return this.sliders.map(({ input }) => +input.value);
  }

  // The squares of the two factors add up to 1: between two samples of N(0, I) lies a sample of N(0, I).
  latent([t, ...along]) {
    const [a, b] = this.ends;
    const [near, far] = [Math.cos((t * Math.PI) / 2), Math.sin((t * Math.PI) / 2)];
    const moved = (i) => along.reduce((sum, step, k) => sum + step * this.ways[k * a.z.length + i], 0);
    return a.z.map((v, i) => near * v + far * b.z[i] + moved(i));
  }

  put(canvas, x, left = 0) {
    const [height, width] = this.meta.shape;
    const [lo, hi] = this.meta.range;
    const c = canvas.getContext("2d");
    const image = c.createImageData(width, height);
    for (let k = 0; k < x.length; k++) image.data.fill((255 * (x[k] - lo)) / (hi - lo), 4 * k, 4 * k + 3);
    for (let k = 3; k < image.data.length; k += 4) image.data[k] = 255;
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

  // What a picture shows depends on: A, B and the sliders, for a strip those of the others only.
  state(way) {
    return [...this.ends.map((end) => end.name), ...this.values.map((v, k) => (k === way ? "" : v))].join();
  }

  // What no longer shows its state: the big picture at once, those of the strips in turn, the rest in the next frame.
  drawStale(until) {
    const { small, sliders, meta } = this;
    if (this.bigState !== this.state()) this.drawBig();
    const states = sliders.map((_, way) => this.state(way));
    for (let fresh = 0; fresh < small.length; fresh++) {
      const one = small[this.turn];
      this.turn = (this.turn + 1) % small.length;
      if (one.state === states[one.way]) continue;
      const { min, max, strip } = sliders[one.way];
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
    this.sliders.forEach(({ output, input }, k) => {
      output.textContent = values[k].toFixed(k ? 1 : 2);
      input.setAttribute("aria-valuetext", k ? output.textContent : `${Math.round(100 * values[0])}% of the way to B`);
    });
    this.big.setAttribute("aria-label", `${this.meta.alt} ${this.sentence()}`);
  }

  sentence() {
    const { values, ends, sliders, shown = [], meta } = this;
    const middle = (meta.range[0] + meta.range[1]) / 2;
    const bright = shown.reduce((n, v) => n + (v > middle), 0) / shown.length;
    const along = sliders.slice(1).map(({ label }, k) => `${label} at ${values[k + 1].toFixed(1)}`);
    return `${Math.round(100 * values[0])}% of the way from A, sample ${ends[0].name}, to B, sample ${ends[1].name}.` +
      ` ${along.join(", ")}. ${Math.round(100 * bright)}% of the pixels are bright.`;
  }
}

customElements.define("gan-latent", GanLatent);
