// Two parameters as a point that leaves a trail, the goal at (0, 0), and arrows that say where the game pushes.

class PlaneTrail {
  constructor(spec, channels) {
    Object.assign(this, spec, { channels });
    this.legend = [
      ["x", "the two players now"],
      ["trail", "where they have been"],
      ["o", "the goal"],
      ["field", "where the game pushes"],
    ];
  }

  height(width) {
    return Math.round(Math.min(width, 420));
  }

  draw(c, w, h, { run, frame, pal }) {
    const [lo, hi] = this.limits;
    const half = Math.min(w / 2 - 34, h / 2 - 22);
    const sx = scale(lo, hi, w / 2 - half + 8, w / 2 + half + 8);
    const sy = scale(lo, hi, h / 2 - 12 + half, h / 2 - 12 - half);
    for (const v of ticks(lo, hi, 4)) {
      segment(c, sx(v), sy(lo), sx(v), sy(hi), { color: pal.hair });
      segment(c, sx(lo), sy(v), sx(hi), sy(v), { color: pal.hair });
      write(c, v, sx(v), sy(lo) + 10, pal.muted);
      write(c, v, sx(lo) - 5, sy(v), pal.muted, "right");
    }
    write(c, this.xName, sx((lo + hi) / 2), sy(lo) + 25, pal.ink);
    c.save();
    c.translate(sx(lo) - 30, sy((lo + hi) / 2));
    c.rotate(-Math.PI / 2);
    write(c, this.yName, 0, 0, pal.ink);
    c.restore();

    c.save();
    c.beginPath();
    c.rect(sx(lo), sy(hi), sx(hi) - sx(lo), sy(lo) - sy(hi));
    c.clip();
    this.arrows(c, sx, sy, this.channels[this.push].values(run), pal);
    const [xs, ys] = [[], []];
    for (let t = 0; t <= frame; t++) {
      const [x, y] = this.channels[this.path].values(run, t);
      xs.push(sx(x));
      ys.push(sy(y));
    }
    trace(c, xs, ys, { color: pal.fake, width: 1.4, alpha: 0.55 });
    trace(c, xs.slice(-12), ys.slice(-12), { color: pal.fake, width: 2.4 });
    disc(c, sx(0), sy(0), 5, pal.real);
    c.restore();
    const edge = (v, a, b) => Math.max(Math.min(a, b), Math.min(Math.max(a, b), v));
    const [x, y] = [xs[frame], ys[frame]];
    if (Number.isFinite(x + y)) {
      cross(c, edge(x, sx(lo), sx(hi)), edge(y, sy(lo), sy(hi)), 6, { color: pal.fake, width: 3 });
    }
  }

  arrows(c, sx, sy, push, pal) {
    const [lo, hi] = this.limits;
    const cell = (hi - lo) / this.side;
    let longest = 1e-9;
    for (let i = 0; i < push.length; i += 2) longest = Math.max(longest, Math.hypot(push[i], push[i + 1]));
    for (let k = 0; 2 * k < push.length; k++) {
      const at = [lo + (0.5 + (k % this.side)) * cell, lo + (0.5 + Math.floor(k / this.side)) * cell];
      const by = [push[2 * k], push[2 * k + 1]].map((v) => (0.9 * cell * v) / longest);
      const [x0, y0, x1, y1] = [sx(at[0]), sy(at[1]), sx(at[0] + by[0]), sy(at[1] + by[1])];
      segment(c, x0, y0, x1, y1, { color: pal.muted, alpha: 0.6 });
      disc(c, x1, y1, 1.6, pal.muted, 0.8);
    }
  }
}

VIEWS.Trail = PlaneTrail;
