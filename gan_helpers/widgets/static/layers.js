// The layers of a trained generator: each is a function from one Float32Array to another. An image lies there channel
// after channel and row after row, as in PyTorch. Batch norm is folded into the weights.

const BENDS = {
  leaky: (x, slope) => {
    for (let i = 0; i < x.length; i++) if (x[i] < 0) x[i] *= slope;
  },
  tanh: (x) => {
    for (let i = 0; i < x.length; i++) x[i] = Math.tanh(x[i]);
  },
  sigmoid: (x) => {
    for (let i = 0; i < x.length; i++) x[i] = 1 / (1 + Math.exp(-x[i]));
  },
};

// y[r, p] = row r of w times row p of x. Four rows by two at once, so that each number that is read serves two or four
// times; where fewer are left, the last one is done again.
function product(w, x, y, rows, places) {
  const depth = Math.floor(x.length / places);
  for (let r = 0; r < rows; r += 4) {
    const r1 = Math.min(r + 1, rows - 1), r2 = Math.min(r + 2, rows - 1), r3 = Math.min(r + 3, rows - 1);
    const w0 = r * depth, w1 = r1 * depth, w2 = r2 * depth, w3 = r3 * depth;
    for (let p = 0; p < places; p += 2) {
      const q = Math.min(p + 1, places - 1);
      const xp = p * depth, xq = q * depth;
      let p0 = 0, p1 = 0, p2 = 0, p3 = 0, q0 = 0, q1 = 0, q2 = 0, q3 = 0;
      for (let k = 0; k < depth; k++) {
        const a = w[w0 + k], b = w[w1 + k], c = w[w2 + k], d = w[w3 + k], e = x[xp + k], f = x[xq + k];
        p0 += a * e, p1 += b * e, p2 += c * e, p3 += d * e;
        q0 += a * f, q1 += b * f, q2 += c * f, q3 += d * f;
      }
      const [i, j, m, n] = [r * places, r1 * places, r2 * places, r3 * places];
      y[i + p] = p0, y[j + p] = p1, y[m + p] = p2, y[n + p] = p3;
      y[i + q] = q0, y[j + q] = q1, y[m + q] = q2, y[n + q] = q3;
    }
  }
}

// Numbers for every row of a table, in one array: the last index runs fastest.
function table(sizes, entry) {
  const found = new Int32Array(sizes.reduce((a, b) => a * b, 1));
  const at = sizes.map(() => 0);
  for (let i = 0; i < found.length; i++) {
    found[i] = entry(...at);
    for (let k = sizes.length - 1; k >= 0 && ++at[k] === sizes[k]; k--) at[k] = 0;
  }
  return found;
}

// A kernel stands at place p = (i, j) of the smaller of two maps. Where on the larger does its cell k = (ky, kx) lie?
// A convolution reads there and a transposed one writes; -1 is outside.
function cells({ kernel, stride, padding }, [, , w], [, H, W]) {
  return (c, k, p) => {
    const y = Math.floor(p / w) * stride[0] - padding[0] + Math.floor(k / kernel[1]);
    const x = (p % w) * stride[1] - padding[1] + (k % kernel[1]);
    return y >= 0 && y < H && x >= 0 && x < W ? (c * H + y) * W + x : -1;
  };
}

// What goes into the matrix product, and where its results are added up: indices, or nothing for "as it lies there".
const ROUTES = {
  linear: () => ({ places: 1 }),
  down(spec) {
    const [places, size] = [spec.to[1] * spec.to[2], spec.kernel[0] * spec.kernel[1]];
    const cell = cells(spec, spec.to, spec.from);
    return { places, take: table([places, spec.from[0], size], (p, c, k) => cell(c, k, p)) };
  },
  up(spec) {
    const [places, size] = [spec.from[1] * spec.from[2], spec.kernel[0] * spec.kernel[1]];
    const put = table([spec.to[0], size, places], cells(spec, spec.from, spec.to));
    return { places, take: table([places, spec.from[0]], (p, c) => c * places + p), put };
  },
};

// y[i] = x[take[i]]
function gather(x, y, take) {
  for (let i = 0; i < take.length; i++) y[i] = take[i] < 0 ? 0 : x[take[i]];
  return y;
}

function affine(spec, weight, bias) {
  const { places, take, put } = ROUTES[spec.kind](spec);
  const rows = weight.shape[1], w = weight.values(0), b = bias.values(0);
  const taken = take && new Float32Array(take.length), made = new Float32Array(rows * places);
  const y = put ? new Float32Array(spec.to[0] * spec.to[1] * spec.to[2]) : made;
  const share = y.length / b.length; // numbers with the same bias
  return (x) => {
    product(w, take ? gather(x, taken, take) : x, made, rows, places);
    if (put) {
      y.fill(0);
      for (let i = 0; i < put.length; i++) if (put[i] >= 0) y[put[i]] += made[i];
    }
    for (let c = 0, i = 0; c < b.length; c++) for (const end = i + share; i < end; i++) y[i] += b[c];
    return y;
  };
}

function nearest({ from: [, h, w], to }) {
  const [fy, fx] = [to[1] / h, to[2] / w];
  const take = table(to, (c, i, j) => (c * h + Math.floor(i / fy)) * w + Math.floor(j / fx));
  const y = new Float32Array(take.length);
  return (x) => gather(x, y, take);
}

// z -> G(z), one at a time: every layer writes into an array of its own, again and again.
function generatorOf(specs, channels) {
  const layers = specs.map((spec, i) => {
    if (spec.kind === "nearest") return nearest(spec);
    if (!(spec.kind in BENDS)) return affine(spec, channels[`w${i}`], channels[`b${i}`]);
    return (x) => {
      BENDS[spec.kind](x, spec.slope);
      return x;
    };
  });
  return (z) => layers.reduce((x, layer) => layer(x), z.slice()).slice();
}
