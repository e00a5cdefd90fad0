// What can be set in the laboratory, and how a state travels in a link: `target=grid&r1=1&b.r1=0`.

// Every control: its label, and either words for a list or the stops of a slider. The first eight are always in view.
const CONTROLS = Object.fromEntries(KNOBS.map((knob) => [knob.key, [knob.label, knob.words ?? knob.stops]]));
const IN_VIEW = Object.keys(CONTROLS).slice(0, 8);
const LOOK = KNOBS.filter((knob) => knob.look).map((knob) => knob.key); // what one looks at, not what is trained
const COMMON = [...LOOK, "seed", "points"]; // two columns in comparison differ in anything but these
const SIDES = ["both", "a", "b"]; // which column of a comparison the settings act on
const NAMES = {
  one: "one GAN", compare: "two GANs", many: "16 seeds",
  slow: "slow motion", "10hz": "10 a second", "60hz": "60 a second", most: "full speed",
  gaussian: "1-D: one bump", mixture: "1-D: two bumps", ring: "ring of 8", grid: "grid of 25", drawn: "draw your own",
  both: "both", a: "A only", b: "B only", nonsaturating: "non-saturating", wasserstein: "Wasserstein", leaky_relu: "leaky ReLU", adam: "Adam", sgd: "SGD",
};
const nameOf = (v) => NAMES[v] ?? String(v).replace("_", " ").replace("e-", "e−");

// Drawn points, two letters a coordinate; one unit is 1/40.
const packPoints = (xy) => xy.map((v) => (Math.round(40 * v) + 128).toString(36).padStart(2, "0")).join("");
const unpackPoints = (text) => (text.match(/..../g) ?? []).flatMap((pair) => [pair.slice(0, 2), pair.slice(2)])
  .map((code) => (parseInt(code, 36) - 128) / 40 || 0);
const MOST_POINTS = 240;
const EIGHT = range(48, (i) => [2 * Math.sin((Math.PI * i) / 24), 1.2 * Math.sin((Math.PI * i) / 12)]);

// The usual settings for a target.
const is1D = (target) => target === "gaussian" || target === "mixture";
const usual = (target) => ({ ...DEFAULTS, ...beginning(KNOBS), points: packPoints(EIGHT.flat()), target,
  zDim: is1D(target) ? 1 : 2 });

// The value that a text stands for, kept in the control's range; undefined if it makes no sense.
function valueOf(key, text) {
  const values = CONTROLS[key]?.[1];
  if (key === "points") return /^\w*$/.test(text) ? text.slice(0, 4 * MOST_POINTS) : undefined;
  if (!values || typeof values[0] === "string") return values?.find((v) => v === text);
  if (text === "" || !Number.isFinite(+text)) return undefined;
  const v = Math.min(Math.max(+text, values[0]), values[values.length - 1]);
  return values.every(Number.isInteger) ? Math.round(v) : v;
}

// A query becomes `a`, the settings in full, and `b`, what the second column has otherwise.
function readState(query) {
  const [first, b] = [{}, {}];
  for (const [name, text] of new URLSearchParams(query)) {
    const key = name.replace(/^b\./, "");
    const value = valueOf(key, text);
    if (value !== undefined && !(key !== name && COMMON.includes(key))) (key === name ? first : b)[key] = value;
  }
  return { a: { ...usual(first.target ?? DEFAULTS.target), ...first }, b };
}

function writeState(a, b) {
  const query = new URLSearchParams();
  const start = { ...usual(a.target), target: DEFAULTS.target };
  for (const key of [...Object.keys(CONTROLS), "points"]) if (a[key] !== start[key]) query.set(key, a[key]);
  for (const key of Object.keys(b)) query.set(`b.${key}`, b[key]);
  return query.toString();
}

// The same for the trainer.
function ganSettings(s) {
  const known = Object.fromEntries(Object.keys(DEFAULTS).map((key) => [key, s[key]]));
  const [gHidden, dHidden] = [Array(s.gLayers).fill(s.gUnits), Array(s.dLayers).fill(s.dUnits)];
  return { ...known, gHidden, dHidden, points: s.target === "drawn" ? unpackPoints(s.points) : [] };
}
