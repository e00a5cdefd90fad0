// The pictures. A view has `legend`, `height(width)` and `draw(canvas context, width, height, at)`;
// `at` holds run, frame, frames, steps, the palette (real, fake, ink, muted, hair, paper) and the switches. It may have
// `alt(at)`, what it shows in words, if that is not what the first picture shows, and `readings(at)`, numbers to show.

const scale = (lo, hi, from, to) => (v) => from + ((v - lo) / (hi - lo || 1)) * (to - from);

// Eight bits leave steps of a pixel in a slow curve; a weighted mean of three neighbours takes them out.
const smoothed = (v) => v.map((y, i) => (i > 0 && i < v.length - 1 ? (v[i - 1] + 2 * y + v[i + 1]) / 4 : y));

// Goodfellow et al. (2014), Figure 1: two densities, D between them, and below, where G sends each z.
class Toy1D {
  constructor(spec, channels) {
    Object.assign(this, spec, { channels });
    this.wide = true;
    this.legend = [
      ["real", "real data, density p"],
      ["fake", "generated, density q"],
      ["ink", "D(x), right scale"],
    ];
    if (this.z) this.legend.push(["arrow", "G carries z to x"]);
    this.legend.push(["best", "p / (p + q), the best D there is", "best"]);
  }

  height(width) {
    return Math.round(Math.min(316, 160 + 0.26 * width) * (this.z ? 1 : 0.78));
  }

  draw(c, w, h, { run, frame, pal, toggled }) {
    const { x, yMax, channels } = this;
    const left = this.z ? 18 : 6;
    const right = w - 34;
    const base = this.z ? h - 94 : h - 34;
    const sx = scale(x[0], x[x.length - 1], left, right);
    const density = scale(0, yMax, base, 20);
    const prob = scale(0, 1, base, 20);
    const xs = x.map(sx);
    const p = channels[this.pData].values(run);
    const q = channels[this.pGen].values(run, frame);
    const d = smoothed(channels[this.dProb].values(run, frame));

    for (const level of [0, 0.5, 1]) {
      segment(c, left, prob(level), right, prob(level), { color: pal.hair, dash: level === 0.5 ? [2, 3] : [] });
      write(c, level === 0.5 ? "½" : level, right + 8, prob(level), pal.muted, "left");
    }
    write(c, "D(x)", w - 2, 7, pal.ink, "right");

    c.save();
    c.beginPath();
    c.rect(left, 14, right - left, base - 13);
    c.clip();
    this.area(c, xs, Array.from(p, density), base, pal.real, 0.2);
    this.area(c, xs, Array.from(q, density), base, pal.fake, 0.1);
    trace(c, xs, Array.from(p, density), { color: pal.real, width: 2 });
    trace(c, xs, Array.from(q, density), { color: pal.fake, width: 2.2, dash: [7, 4] });
    if (toggled) {
      // Where next to nothing lands there is no share to report: no dots, as `theory.best_where_seen` has it.
      const least = SEEN * Math.max(...p);
      const best = p.map((v, i) => (v + q[i] > least ? v / (v + q[i]) : NaN));
      trace(c, xs, Array.from(best, prob), { color: pal.ink, width: 2.6, dash: [0.1, 5.5], cap: "round", alpha: 0.75 });
    }
    trace(c, xs, Array.from(d, prob), { color: pal.ink, width: 2.4 });
    c.restore();

    for (const v of ticks(x[0], x[x.length - 1], w / 80)) {
      segment(c, sx(v), base, sx(v), base + 4, { color: pal.muted });
      write(c, v, sx(v), base + 12, pal.muted);
    }
    if (this.z) this.arrows(c, left, right, base + 28, h - 10, sx, channels[this.xOfZ].values(run, frame), pal);
    else write(c, "x", (left + right) / 2, base + 26, pal.ink);
  }

  area(c, xs, ys, base, color, alpha) {
    c.beginPath();
    c.moveTo(xs[0], base);
    xs.forEach((v, i) => c.lineTo(v, Number.isFinite(ys[i]) ? ys[i] : base));
    c.lineTo(xs[xs.length - 1], base);
    fill(c, color, alpha);
  }

  arrows(c, left, right, top, bottom, sx, landed, pal) {
    const { z } = this;
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

// [frame, step] of about `count` labels: round steps where the record is even, else steps that were recorded.
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

// Both losses over time. The bright part is the past; a click or a drag sets the time.
class Losses {
  constructor(spec, channels) {
    Object.assign(this, spec, { channels });
    const unit = this.unit ? `, ${this.unit}` : "";
    this.legend = [
      ["ink", `D's loss${unit}`],
      ["fake", `G's loss${unit}`],
    ];
  }

  height() {
    return 150;
  }

  // The landmarks of a run, [value, name] each.
  marks(run = 0) {
    return this.marksOf?.[run] ?? this.landmarks;
  }

  alt({ run, frame, steps }) {
    const [d, g] = [this.dLoss, this.gLoss].map((key) => number(this.channels[key].values(run)[frame]));
    const marks = this.marks(run).map(([, name]) => name).join(", ");
    return `Both losses from step ${steps[0]} to step ${steps[steps.length - 1]}${marks && `, with dotted lines at ${marks}`}.` +
      ` At this step D's loss is ${d} and G's ${g}.`;
  }

  // Times stand evenly, as on the scrubber, and carry their step as a label.
  place(w, frames) {
    return scale(0, Math.max(frames - 1, 1), 34, w - 50);
  }

  frameAt(px, w, frames) {
    const t = ((px - 34) / (w - 84)) * (frames - 1);
    return Math.max(0, Math.min(frames - 1, Math.round(t)));
  }

  draw(c, w, h, { run, frame, frames, steps, pal }) {
    const { lo, hi, channels } = this;
    const st = this.place(w, frames);
    const base = h - 22;
    const sy = scale(lo, hi, base, 8);
    const [d, g] = [channels[this.dLoss].values(run), channels[this.gLoss].values(run)];
    const xs = Array.from(d, (_, t) => st(t));
    for (const v of ticks(lo, hi, 3)) {
      segment(c, 34, sy(v), w - 50, sy(v), { color: pal.hair });
      write(c, v, 28, sy(v), pal.muted, "right");
    }
    const marks = this.marks(run).map(([value, name]) => [sy(value), name]);
    const beside = spread(marks.map(([y]) => y), 13, 7, base);
    marks.forEach(([y, name], i) => {
      segment(c, 34, y, w - 50, y, { color: pal.ink, dash: [1, 3] });
      segment(c, w - 50, y, w - 45, beside[i], { color: pal.muted });
      write(c, name, w - 42, beside[i], pal.ink, "left");
    });
    for (const [t, step] of timeTicks(steps, Math.max(1, Math.floor((w - 84) / 80)))) {
      segment(c, st(t), base, st(t), base + 4, { color: pal.muted });
      write(c, step.toLocaleString("en"), st(t), base + 13, pal.muted);
    }
    segment(c, 34, base, w - 50, base, { color: pal.hair });
    const at = (values) => Array.from(values, (v) => Math.max(4, Math.min(base, sy(v))));
    for (const past of [false, true]) {
      c.save();
      c.beginPath();
      past ? c.rect(0, 0, st(frame) + 0.5, h) : c.rect(st(frame) + 0.5, 0, w, h);
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

// Rows and columns of small pictures, generated from the same z at every time.
class Images {
  constructor(spec, channels) {
    Object.assign(this, spec, { channels });
    this.wide = true;
    this.legend = [];
    this.sheet = document.createElement("canvas");
  }

  height(width) {
    const [h, w] = this.channels[this.frames].shape.slice(3);
    return Math.round((Math.min(width, this.maxWidth) * (this.rows * (h + 1))) / (this.cols * (w + 1)));
  }

  draw(c, width, height, { run, frame }) {
    const channel = this.channels[this.frames];
    const [n, h, w] = channel.shape.slice(2);
    const values = channel.values(run, frame);
    const sheet = Object.assign(this.sheet, { width: this.cols * (w + 1), height: this.rows * (h + 1) });
    const s = sheet.getContext("2d");
    const image = s.createImageData(w, h);
    for (let i = 0; i < n; i++) {
      for (let k = 0; k < 4 * w * h; k++) image.data[k] = k % 4 === 3 ? 255 : values[i * w * h + (k >> 2)];
      s.putImageData(image, (i % this.cols) * (w + 1), Math.floor(i / this.cols) * (h + 1));
    }
    const across = Math.min(width, this.maxWidth);
    c.imageSmoothingEnabled = this.smooth;
    c.imageSmoothingQuality = "high";
    c.drawImage(sheet, (width - across) / 2, 0, across, height);
  }
}

// Real and generated points of the plane.
class Points {
  constructor(spec, channels) {
    Object.assign(this, spec, { channels });
    this.legend = [
      ["o", "real"],
      ["x", "generated"],
    ];
  }

  height(width) {
    return Math.round(Math.min(width, 380));
  }

  readings({ run, frame }) {
    const [lo, hi] = this.limits;
    const fake = this.channels[this.fake].values(run, frame);
    let out = 0;
    for (let i = 0; i < fake.length; i += 2) out += !(lo <= fake[i] && fake[i] <= hi && lo <= fake[i + 1] && fake[i + 1] <= hi);
    return out ? [["generated samples outside the picture", percent((2 * out) / fake.length)]] : [];
  }

  draw(c, w, h, { run, frame, pal }) {
    const [lo, hi] = this.limits;
    const half = Math.min(w, h) / 2 - 18;
    const sx = scale(lo, hi, w / 2 - half, w / 2 + half);
    const sy = scale(lo, hi, h / 2 - 6 + half, h / 2 - 6 - half);
    for (const v of ticks(lo, hi, 4)) {
      segment(c, sx(v), sy(lo), sx(v), sy(hi), { color: pal.hair });
      segment(c, sx(lo), sy(v), sx(hi), sy(v), { color: pal.hair });
      write(c, v, sx(v), sy(lo) + 11, pal.muted);
    }
    const [real, fake] = [this.channels[this.real].values(run), this.channels[this.fake].values(run, frame)];
    for (let i = 0; i < real.length; i += 2) disc(c, sx(real[i]), sy(real[i + 1]), 2.6, pal.real, 0.6);
    const style = { color: pal.fake, width: 1.4, alpha: 0.85 };
    c.save();
    c.beginPath();
    c.rect(sx(lo), sy(hi), sx(hi) - sx(lo), sy(lo) - sy(hi));
    c.clip();
    for (let i = 0; i < fake.length; i += 2) {
      if (Number.isFinite(fake[i])) cross(c, sx(fake[i]), sy(fake[i + 1]), 3, style);
    }
    c.restore();
  }
}

const VIEWS = { Toy1D, Losses, Images, Points };
