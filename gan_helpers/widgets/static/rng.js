// Random numbers that a seed repeats, on every machine: sfc32 (Doty-Humphrey's small fast counter) and Box-Muller.
// A GAN has one stream for each purpose, so that what is drawn on the screen never changes what is trained.

export class Rng {
  /**
   * @param {number} seed
   * @param {number} stream
   */
  constructor(seed, stream = 0) {
    this.state = new Int32Array([seed, stream, 0x9e3779b9, 1]);
    this.spare = NaN;
    for (let i = 0; i < 16; i++) this.bits(); // until every bit of the seed has reached every bit of the state
  }

  /** 32 random bits. */
  bits() {
    const s = this.state;
    const sum = (s[0] + s[1] + s[3]) | 0;
    s[3] += 1;
    s[0] = s[1] ^ (s[1] >>> 9);
    s[1] = s[2] + (s[2] << 3);
    s[2] = ((s[2] << 21) | (s[2] >>> 11)) + sum;
    return sum >>> 0;
  }

  /** Uniform on [0, 1), all 53 bits of a double. */
  uniform() {
    return ((this.bits() >>> 5) * 67108864 + (this.bits() >>> 6)) / 9007199254740992;
  }

  /** Standard normal. A point with a uniform angle and squared radius -2 log u has two independent normal coordinates. */
  normal() {
    const kept = this.spare;
    this.spare = NaN;
    if (!Number.isNaN(kept)) return kept;
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /**
   * A whole number from 0 to n - 1.
   * @param {number} n
   */
  below(n) {
    return Math.floor(n * this.uniform());
  }
}
