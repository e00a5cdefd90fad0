// What the generator is asked to imitate: the densities of gan_helpers/data/, and points that the reader draws.
//
// A target has `dim`, `extent` (where to look: from, to), `draw(rng, out, i)`, which puts one sample at out[i], and
// `part(x, y)`: which mode or piece a point belongs to, -1 for none; `parts` counts them, 0 where that means nothing.
// The 1-D ones have `pdf(x)`, the density.

// Normal bumps of one width. A sample within 3 sd of the nearest centre belongs to its mode (Lin et al., PacGAN, 2018).
class Bumps {
  constructor(centers, sd, extent, parts = centers.length) {
    Object.assign(this, { centers, sd, extent, parts, dim: centers[0].length });
  }

  draw(rng, out, i) {
    const center = this.centers[rng.below(this.centers.length)];
    for (let k = 0; k < this.dim; k++) out[i + k] = center[k] + this.sd * rng.normal();
  }

  part(x, y = 0) {
    let nearest = -1;
    let least = (3 * this.sd) ** 2;
    this.centers.forEach(([cx, cy = 0], k) => {
      const gap = (x - cx) ** 2 + (y - cy) ** 2;
      if (gap <= least) [nearest, least] = [k, gap];
    });
    return nearest;
  }

  pdf(x) {
    const bump = (center) => Math.exp(-0.5 * ((x - center[0]) / this.sd) ** 2);
    return this.centers.reduce((sum, c) => sum + bump(c), 0) / (this.centers.length * this.sd * Math.sqrt(2 * Math.PI));
  }
}

// Points uniform along a path of straight pieces, blurred by normal noise.
class Trail {
  constructor(corners, sd, extent) {
    Object.assign(this, { corners, sd, extent, parts: 0, dim: 2 });
    let length = 0;
    this.ends = corners.slice(1).map(([x, y], k) => (length += Math.hypot(x - corners[k][0], y - corners[k][1])));
    this.length = length;
  }

  draw(rng, out, i) {
    const at = this.length * rng.uniform();
    const k = this.ends.findIndex((end) => at < end);
    const before = k ? this.ends[k - 1] : 0;
    const share = (at - before) / (this.ends[k] - before);
    for (const c of [0, 1]) {
      const [from, to] = [this.corners[k][c], this.corners[k + 1][c]];
      out[i + c] = from + share * (to - from) + this.sd * rng.normal();
    }
  }

  part(x, y) {
    const near = this.corners.slice(1).some(([bx, by], k) => {
      const [ax, ay] = this.corners[k];
      const along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2);
      const share = Math.min(1, Math.max(0, along));
      return Math.hypot(ax + share * (bx - ax) - x, ay + share * (by - ay) - y) <= 3 * this.sd;
    });
    return near ? 0 : -1;
  }
}

// Two flat pieces, 1 wide and 2 high, with a gap of 2 between them.
class Pieces {
  constructor(extent) {
    Object.assign(this, { extent, parts: 2, dim: 2 });
  }

  draw(rng, out, i) {
    const side = rng.below(2) ? 1 : -1;
    out[i] = side * (1 + rng.uniform());
    out[i + 1] = 2 * rng.uniform() - 1;
  }

  part(x, y) {
    const inside = Math.abs(x) >= 1 && Math.abs(x) <= 2 && Math.abs(y) <= 1;
    return inside ? +(x > 0) : -1;
  }
}

const range = (n, f) => Array.from({ length: n }, (_, i) => f(i));
const polar = (radius, angle) => [radius * Math.cos(angle), radius * Math.sin(angle)];

// Each makes its target; `drawn` is given the points as one flat array, x0, y0, x1, y1, ...
const TARGETS = {
  gaussian: () => new Bumps([[4]], 1.25, [-2, 9]),
  mixture: () => new Bumps([[-2], [2]], 0.5, [-5, 5]),
  ring: () => new Bumps(range(8, (k) => polar(2, (Math.PI * k) / 4)), 0.02, [-3, 3]),
  grid: () => new Bumps(range(25, (k) => [2 * Math.floor(k / 5) - 4, 2 * (k % 5) - 4]), 0.05, [-5.5, 5.5]),
  line: () => new Trail([[-1.5, -1], [1.5, 1]], 0.05, [-3, 3]),
  two_pieces: () => new Pieces([-3, 3]),
  spiral: () => new Trail(range(65, (k) => polar(0.3 + (1.7 * k) / 64, (3 * Math.PI * k) / 64)), 0.05, [-3, 3]),
  drawn: (points) => new Bumps(range(points.length >> 1, (k) => [points[2 * k], points[2 * k + 1]]), 0.05, [-3, 3], 0),
};
