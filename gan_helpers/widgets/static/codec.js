// Unpacks what codec.py packed: base64 > gzip > [header length, 4 bytes][JSON header][codes of every channel].

/**
 * What a channel holds, and by which rule its codes are numbers.
 * @typedef {{ name: string, shape: number[], rows: number[], delta: number[], offset: number, lo: number, scale: number,
 *   power: number, bits: number, gap: boolean, half: boolean }} ChannelSpec
 */
/** @typedef {Record<string, Channel>} Channels */

/**
 * @param {string} text
 * @returns {Promise<{ meta: any, channels: Channels }>}
 */
export async function unpack(text) {
  const raw = atob(text);
  const zipped = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) zipped[i] = raw.charCodeAt(i);
  const stream = new Blob([zipped]).stream().pipeThrough(new DecompressionStream("gzip"));
  const buffer = await new Response(stream).arrayBuffer();
  const start = 4 + new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, start - 4)));
  /** @type {Channels} */
  const channels = {};
  for (const spec of header.channels) channels[spec.name] = new Channel(spec, buffer, start + spec.offset);
  return { meta: header.meta, channels };
}

export class Channel {
  /**
   * @param {ChannelSpec} spec
   * @param {ArrayBuffer} buffer
   * @param {number} offset
   */
  constructor(spec, buffer, offset) {
    this.spec = spec;
    const count = spec.shape.reduce((a, b) => a * b, 1);
    const high = new Uint8Array(buffer, offset, count);
    const low = spec.bits > 8 ? new Uint8Array(buffer, offset + count, count) : null;
    this.codes = low ? Uint16Array.from(high, (h, i) => h * 256 + low[i]) : high;
    for (const axis of spec.delta) this.cumulate(axis);
  }

  get shape() {
    return this.spec.shape;
  }

  /**
   * Running sums along one axis; typed arrays wrap around by themselves.
   * @param {number} axis
   */
  cumulate(axis) {
    const { codes, shape } = this;
    const stride = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const block = stride * shape[axis];
    for (let from = 0; from < codes.length; from += block) {
      for (let i = from + stride; i < from + block; i++) codes[i] += codes[i - stride];
    }
  }

  /**
   * Everything below index (run, frame, ...), as numbers; NaN where nothing finite was recorded.
   * @param {number} run
   * @param {number} [frame]
   */
  values(run, frame) {
    const { codes, spec } = this;
    const { shape, rows, lo, power, gap, bits, half } = spec;
    let size = shape.slice(1).reduce((a, b) => a * b, 1);
    let from = rows[run] * size;
    if (frame !== undefined) {
      size /= shape[1];
      from += frame * size;
    }
    const missing = gap ? 2 ** bits - 1 : -1;
    const number = (/** @type {number} */ c) => (c === missing ? NaN : lo + (spec.scale * c) ** power);
    return Float32Array.from(codes.subarray(from, from + size), half ? fromHalf : number);
  }
}

/**
 * The number whose half-precision bit pattern this is.
 * @param {number} c
 */
function fromHalf(c) {
  const [sign, exponent, fraction] = [c >> 15 ? -1 : 1, (c >> 10) & 31, (c & 1023) / 1024];
  if (exponent === 31) return NaN;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction) : 2 ** -14 * fraction);
}
