// From numbers to the pixels of a canvas.

/**
 * Puts a picture, one channel after another, into the pixels of a canvas; one channel alone is grey.
 * @param {Uint8ClampedArray} pixels red, green, blue, opacity
 * @param {ArrayLike<number>} picture values from 0 to 255
 * @param {number} channels
 */
export function toPixels(pixels, picture, channels) {
  const size = pixels.length / 4;
  for (let k = 0; k < size; k++) {
    for (let c = 0; c < 3; c++) pixels[4 * k + c] = picture[channels === 3 ? c * size + k : k];
    pixels[4 * k + 3] = 255;
  }
}
