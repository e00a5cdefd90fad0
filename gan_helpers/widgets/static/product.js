// The product of two matrices, of which everything is made that a network does.

/** @import { Floats } from "./targets.js" */

/**
 * C[r, c] += sum over k of A[r, k] B[k, c], from offsets c0, a0, b0; overwrites C where `fresh`. A and B are read with
 * strides (aRow from row to row, aIn from k to k), so that one loop multiplies by a matrix and by its transpose.
 * Blocks of 4 x 2 sums stay in registers: 8 products for 6 numbers read, where the plain loop reads 2 for each.
 * @param {Floats} C
 * @param {number} c0
 * @param {Floats} A
 * @param {number} a0
 * @param {number} aRow
 * @param {number} aIn
 * @param {Floats} B
 * @param {number} b0
 * @param {number} bCol
 * @param {number} bIn
 * @param {number} rows
 * @param {number} cols
 * @param {number} inner
 * @param {boolean} fresh
 */
export function multiply(C, c0, A, a0, aRow, aIn, B, b0, bCol, bIn, rows, cols, inner, fresh) {
  const fullRows = rows & ~3;
  const fullCols = cols & ~1;
  const [aRow2, aRow3] = [2 * aRow, 3 * aRow];
  if (fresh) C.fill(0, c0, c0 + rows * cols);
  for (let r = 0; r < fullRows; r += 4) {
    for (let c = 0; c < fullCols; c += 2) {
      let s00 = 0;
      let s01 = 0;
      let s10 = 0;
      let s11 = 0;
      let s20 = 0;
      let s21 = 0;
      let s30 = 0;
      let s31 = 0;
      let p = a0 + r * aRow;
      let q = b0 + c * bCol;
      for (let k = 0; k < inner; k++) {
        const a = A[p];
        const b = A[p + aRow];
        const d = A[p + aRow2];
        const e = A[p + aRow3];
        const x = B[q];
        const y = B[q + bCol];
        s00 += a * x;
        s01 += a * y;
        s10 += b * x;
        s11 += b * y;
        s20 += d * x;
        s21 += d * y;
        s30 += e * x;
        s31 += e * y;
        p += aIn;
        q += bIn;
      }
      let i = c0 + r * cols + c;
      C[i] += s00;
      C[i + 1] += s01;
      C[(i += cols)] += s10;
      C[i + 1] += s11;
      C[(i += cols)] += s20;
      C[i + 1] += s21;
      C[(i += cols)] += s30;
      C[i + 1] += s31;
    }
  }
  // A last column, of which there is none else when a single sample passes or a layer has one unit.
  for (let r = 0; r < fullRows && fullCols < cols; r += 4) {
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    let p = a0 + r * aRow;
    let q = b0 + fullCols * bCol;
    for (let k = 0; k < inner; k++) {
      const x = B[q];
      s0 += A[p] * x;
      s1 += A[p + aRow] * x;
      s2 += A[p + aRow2] * x;
      s3 += A[p + aRow3] * x;
      p += aIn;
      q += bIn;
    }
    let i = c0 + r * cols + fullCols;
    C[i] += s0;
    C[(i += cols)] += s1;
    C[(i += cols)] += s2;
    C[(i += cols)] += s3;
  }
  // Up to three last rows.
  for (let r = fullRows; r < rows; r++) {
    for (let c = 0; c < cols; c++) {
      let sum = 0;
      for (let k = 0, p = a0 + r * aRow, q = b0 + c * bCol; k < inner; k++, p += aIn, q += bIn) sum += A[p] * B[q];
      C[c0 + r * cols + c] += sum;
    }
  }
}
