// Unpacks what codec.py packed: base64 > gzip > [header length, 4 bytes][JSON header][codes of every channel].

async function unpack(text) {
  const raw = atob(text);
  const zipped = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) zipped[i] = raw.charCodeAt(i);
  const stream = new Blob([zipped]).stream().pipeThrough(new DecompressionStream("gzip"));
  const buffer = await new Response(stream).arrayBuffer();
  const start = 4 + new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, start - 4)));
  const channels = {};
  for (const spec of header.channels) channels[spec.name] = new Channel(spec, buffer, start + spec.offset);
  return { meta: header.meta, channels };
}

class Channel {
  constructor(spec, buffer, offset) {
    Object.assign(this, spec); // shape, rows, delta, offset, and the rule: lo, scale, power, bits, gap, half
    const count = spec.shape.reduce((a, b) => a * b, 1);
    const high = new Uint8Array(buffer, offset, count);
    if (spec.bits <= 8) this.codes = high;
    else {
      const low = new Uint8Array(buffer, offset + count, count);
      this.codes = Uint16Array.from(high, (h, i) => h * 256 + low[i]);
    }
    for (const axis of spec.delta) this.cumulate(axis);
  }

  // Running sums along one axis; typed arrays wrap around by themselves.
  cumulate(axis) {
    const { codes, shape } = this;
    const stride = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const block = stride * shape[axis];
    for (let from = 0; from < codes.length; from += block) {
      for (let i = from + stride; i < from + block; i++) codes[i] += codes[i - stride];
    }
  }

  // Everything below index (run, frame, ...), as numbers; NaN where nothing finite was recorded.
  values(run, frame) {
    const { codes, shape, lo, scale, power, gap } = this;
    let size = shape.slice(1).reduce((a, b) => a * b, 1);
    let from = this.rows[run] * size;
    if (frame !== undefined) {
      size /= shape[1];
      from += frame * size;
    }
    const missing = gap ? 2 ** this.bits - 1 : -1;
    const value = this.half ? fromHalf : (c) => (c === missing ? NaN : lo + (scale * c) ** power);
    return Float32Array.from(codes.subarray(from, from + size), value);
  }
}

// The number whose half-precision bit pattern this is.
function fromHalf(c) {
  const [sign, exponent, fraction] = [c >> 15 ? -1 : 1, (c >> 10) & 31, (c & 1023) / 1024];
  if (exponent === 31) return NaN;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction) : 2 ** -14 * fraction);
}
