// A finger on a slider or on a time line may only want to scroll the page. So it sets nothing before it has moved
// sideways, or has lifted where it came down; a finger that moves up or down is the page's.

const TAP = 8; // pixels that a tap may move

/** Follows the finger that comes down on a part: `from` is where, until it is clear what the finger wants. */
class Finger {
  /** @type {PointerEvent | null} */ from = null;

  /** @param {HTMLElement} part */
  constructor(part) {
    part.style.touchAction = "pan-y";
    part.addEventListener("pointerdown", (event) => (this.from = event.pointerType === "touch" ? event : null));
    part.addEventListener("pointercancel", () => (this.from = null));
  }

  /**
   * How far it has moved, across and along.
   * @param {MouseEvent} event
   */
  moved(event) {
    const { clientX, clientY } = this.from ?? event;
    return [Math.abs(event.clientX - clientX), Math.abs(event.clientY - clientY)];
  }

  /**
   * Whether a move is meant for the part. With a mouse each is.
   * @param {PointerEvent} event
   */
  isMeant(event) {
    if (!this.from) return true;
    const [across, along] = this.moved(event);
    if (across < TAP || across < along) return false;
    this.from = null;
    return true;
  }

  /**
   * Whether it has lifted where it came down.
   * @param {PointerEvent} event
   */
  isTap(event) {
    const tapped = this.from && Math.max(...this.moved(event)) < TAP;
    this.from = null;
    return tapped;
  }
}

/**
 * Browsers set a slider as soon as a finger touches it: that is taken back until the finger is meant.
 * @param {HTMLInputElement} input
 */
export function waitForFinger(input) {
  const finger = new Finger(input);
  let before = input.value;
  /** @type {string | undefined} */
  let wanted;
  input.addEventListener("pointerdown", () => ([before, wanted] = [input.value, undefined]));
  input.addEventListener("pointermove", (event) => finger.isMeant(event));
  input.addEventListener("input", (event) => {
    if (!finger.from) return;
    wanted = input.value;
    input.value = before;
    event.stopImmediatePropagation();
  });
  input.addEventListener("pointerup", (event) => {
    if (!finger.isTap(event) || wanted === undefined) return;
    input.value = wanted;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
  return input;
}

/**
 * A picture on which a click, a tap or a drag sets something.
 * @param {HTMLCanvasElement} canvas
 * @param {(event: PointerEvent) => void} go
 */
export function scrub(canvas, go) {
  const finger = new Finger(canvas);
  canvas.className = "timeline";
  canvas.addEventListener("pointerdown", (event) => {
    if (finger.from) return;
    canvas.setPointerCapture(event.pointerId);
    go(event);
  });
  canvas.addEventListener("pointermove", (event) => event.buttons && finger.isMeant(event) && go(event));
  canvas.addEventListener("pointerup", (event) => finger.isTap(event) && go(event));
}
