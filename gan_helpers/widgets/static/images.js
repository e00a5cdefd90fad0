// Pictures that a generator made.

import { context } from "./draw.js";
import { toPixels } from "./pixels.js";

/** @import { Channels } from "./codec.js" */
/** @import { Context } from "./draw.js" */
/** @import { Entry } from "./player.js" */
/** @import { At, View } from "./views.js" */
/** @typedef {{ frames: string, rows: number, cols: number, maxWidth: number, smooth: boolean,
 *   channels: number }} ImagesSpec */

/**
 * Rows and columns of small pictures, generated from the same z at every time.
 * @implements {View}
 */
export class Images {
  wide = true;
  /** @type {Entry[]} */ legend = [];
  sheet = document.createElement("canvas");

  /**
   * @param {ImagesSpec} spec
   * @param {Channels} channels
   */
  constructor(spec, channels) {
    this.spec = spec;
    this.channel = channels[spec.frames];
  }

  /** @param {number} width */
  height(width) {
    const { rows, cols, maxWidth } = this.spec;
    const [h, w] = this.channel.shape.slice(-2);
    return Math.round((Math.min(width, maxWidth) * (rows * (h + 1))) / (cols * (w + 1)));
  }

  /**
   * @param {Context} c
   * @param {number} width
   * @param {number} height
   * @param {Pick<At, "run" | "frame">} at
   */
  draw(c, width, height, { run, frame }) {
    const { rows, cols, maxWidth, smooth, channels } = this.spec;
    const [h, w] = this.channel.shape.slice(-2);
    const values = this.channel.values(run, frame);
    const sheet = Object.assign(this.sheet, { width: cols * (w + 1), height: rows * (h + 1) });
    const s = context(sheet);
    const image = s.createImageData(w, h);
    for (let i = 0; i < rows * cols; i++) {
      toPixels(image.data, values.subarray(i * channels * w * h, (i + 1) * channels * w * h), channels);
      s.putImageData(image, (i % cols) * (w + 1), Math.floor(i / cols) * (h + 1));
    }
    const across = Math.min(width, maxWidth);
    c.imageSmoothingEnabled = smooth;
    c.imageSmoothingQuality = "high";
    c.drawImage(sheet, (width - across) / 2, 0, across, height);
  }
}
