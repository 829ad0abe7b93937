// The state of the page: the settings of all controls. It is written into the address: a link opens a prepared view.

const GIVEN = JSON.parse(document.getElementById("given").textContent); // what Python wrote: colours, start, example
const $ = (id) => document.getElementById(id);

const DEFAULTS = {
  system: "dilated", // the system in the picture
  d: [1, 2, 4], // dilations, from the lowest layer to the top
  fusion: true,
  s: null, // skip of the skip RNN; null: the largest dilation
  T: 16, // time steps
  mode: "paths", // what the picture shows: paths, forward or backward
  from: null,
  to: null, // steps of the input and the output that a path joins
  stage: null, // the stage that is shown; null: the first one forward, the last one backward
  r: 0.8, // factor per hop
  loss: null, // step of the loss; null: the last one
  measured: false, // whether the gradient is the one in the checkpoint
  show: ["dilated", "plain", "skip", "dilated-cnn"], // the systems in the chart, at most four
  n: null, // the span that is marked in the chart
  m: null, // cycle of the mean; null: the largest dilation
  limit: null, // the largest span in the chart; null: chosen by the page
  view: null, // first step and number of steps in view; null: all
  fold: null, // dilation of the layer that is folded; null: chosen by the page
  folded: 0, // 0 is the sequence, 1 the batch of phases
  theme: null, // light or dark; null: as the system prefers
  ...GIVEN.start,
};
const state = { ...DEFAULTS };

const number = (text) => (text.trim() === "" || Number.isNaN(Number(text)) ? null : Number(text));
const numbers = (text) =>
  text
    .split(/[\s,;]+/)
    .filter(Boolean)
    .map(Number);
const READ = {
  d: numbers,
  T: number,
  s: number,
  from: number,
  to: number,
  stage: number,
  r: number,
  loss: number,
  n: number,
  m: number,
  limit: number,
  fold: number,
  folded: number,
  view: (text) => text.split(".").map(Number),
  show: (text) => text.split(","),
  fusion: (text) => text !== "0",
  measured: (text) => text === "1",
};

function stateFromHash() {
  const found = { ...DEFAULTS, theme: state.theme };
  const address = new URLSearchParams(location.hash.slice(1));
  for (const [name, value] of address) {
    if (name in DEFAULTS) found[name] = READ[name] ? READ[name](value) : value;
  }
  // The path to start with must not lengthen a sequence that the address names.
  if (!address.has("to") && found.to >= found.T) found.from = found.to = null;
  return found;
}

function hashOfState() {
  const written = (value) =>
    Array.isArray(value) ? value.join(",") : value === true ? "1" : value === false ? "0" : `${value ?? ""}`;
  const parts = Object.entries(state).filter(([name, value]) => `${value}` !== `${DEFAULTS[name]}`);
  return parts.map(([name, value]) => `${name}=${name === "view" ? value.join(".") : written(value)}`).join("&");
}

// What is wrong with a list of dilations, as a sentence; null if nothing is.
function wrongDilations(dilations) {
  if (!dilations.length) return "Give at least one dilation, such as 1, 2, 4.";
  if (dilations.length > MOST_LAYERS)
    return `The page draws at most ${MOST_LAYERS} layers; these are ${dilations.length}.`;
  const bad = dilations.find((d) => !Number.isInteger(d) || d < 1 || d > LARGEST_DILATION);
  if (bad === undefined) return null;
  const given = Number.isNaN(bad) ? "a word" : bad;
  return `Dilations are whole numbers from 1 to ${grouped(LARGEST_DILATION)}, got ${given}.`;
}

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

// Bring every setting into its range; settings from an address may be anything.
function normalise() {
  const whole = (value, low, high) =>
    value === null || !Number.isFinite(value) ? null : clamp(Math.round(value), low, high);
  if (!(state.system in SYSTEMS)) state.system = DEFAULTS.system;
  if (!["paths", "forward", "backward"].includes(state.mode)) state.mode = "paths";
  if (wrongDilations(state.d)) state.d = DEFAULTS.d;
  state.T = whole(state.T, 2, SPANS + 1) ?? DEFAULTS.T;
  state.s = whole(state.s, 2, LARGEST_DILATION);
  state.m = whole(state.m, 1, SPANS);
  state.n = whole(state.n, 0, SPANS);
  state.limit = whole(state.limit, 8, SPANS);
  state.fold = whole(state.fold, 1, 64);
  state.folded = clamp(Number(state.folded) || 0, 0, 1);
  state.r = clamp(Number(state.r) || DEFAULTS.r, 0.5, 1.1);
  state.from = whole(state.from, 0, SPANS);
  state.to = whole(state.to, 0, SPANS);
  state.T = Math.max(state.T, (state.from ?? 0) + 1, (state.to ?? 0) + 1);
  state.measured = state.measured && isMeasured();
  if (state.measured) Object.assign(state, { T: GIVEN.example.steps, from: null, to: null, loss: null }); // as it was run
  state.loss = whole(state.loss, 0, state.T - 1);
  state.show = state.show.filter((name) => name in SYSTEMS).slice(0, 4);
  if (state.view && !state.view.every(Number.isFinite)) state.view = null;
  if (state.view) {
    const count = clamp(Math.round(state.view[1]), Math.min(8, state.T), state.T);
    state.view = [clamp(Math.round(state.view[0]), 0, state.T - count), count];
    if (count === state.T) state.view = null;
  }
}

// Whether the architecture is the one whose gradient a checkpoint's page holds.
function isMeasured() {
  return (
    Boolean(GIVEN.example && GIVEN.example.gradient) &&
    state.system === GIVEN.example.system &&
    `${state.d}` === `${DEFAULTS.d}` &&
    state.fusion === DEFAULTS.fusion
  );
}

// The settings of the architecture, with every choice that the page makes by itself.
function settings() {
  const largest = Math.max(...state.d);
  return { dilations: state.d, skip: state.s ?? Math.max(2, largest), fusion: state.fusion };
}

const cycleOf = () => state.m ?? Math.min(SPANS, Math.max(...state.d));
const lossStep = () => state.loss ?? state.T - 1;
const foldDilation = () => state.fold ?? Math.max(...state.d.filter((d) => d <= 8), Math.min(...state.d, 64));
const chartLimit = () =>
  state.limit ?? [16, 32, 64, 128, 256].find((limit) => limit >= Math.max(2 * cycleOf(), state.n ?? 0)) ?? SPANS;
