// From the state to the page: everything that is shown is derived here, from the settings alone.

const net = new NetworkView($("net"));
const spanNet = new NetworkView($("span-net"));
const chart = new LengthChart($("chart"));
const foldView = new FoldView($("fold"));
const valuesView = new ValuesView($("values"));

// What the pointer does, and what moves: not part of the address.
const passing = {
  hover: null,
  cursor: null,
  hoverSpan: null,
  picked: [],
  before: null,
  view: [0, 16],
  progress: 1,
  step: null,
};

const remembered = new Map(); // path lengths by system and settings
function lengthsOf(system) {
  const key = JSON.stringify([system, settings()]);
  if (!remembered.has(key)) {
    if (remembered.size > 60) remembered.clear();
    remembered.set(key, recurrentLengths(graphOf(system, settings())));
  }
  return remembered.get(key);
}

const colourOf = (system) => GIVEN.colours[system];
const measured = GIVEN.example && GIVEN.example.gradient ? measuredGradient(GIVEN.example) : null;

// Everything that follows from the state; `steps` covers a span that the pointer marks beyond T.
function derive() {
  const graph = graphOf(state.system, settings());
  const span = passing.hoverSpan;
  const steps = span === null ? state.T : Math.max(state.T, span + 1);
  const stages = stagesOf(graph, state.T);
  const scene = { graph, steps, stages, mode: state.mode, path: null };
  if (span !== null) {
    scene.path = inputToOutput(graph, 0, span);
    Object.assign(scene, { ends: ["input 0", `output ${span}`], end: span });
    scene.mode = "paths";
  } else if (state.mode === "paths") {
    if (passing.picked.length === 2) {
      const [a, b] = ordered(passing.picked);
      scene.path = shortestPath(graph, a, [b]);
      Object.assign(scene, { ends: [a, b].map(([row, t]) => `${rowName(graph, row)} at step ${t}`), end: b[1] });
    } else if (state.from !== null && state.to !== null) {
      scene.path = state.to < state.from ? null : inputToOutput(graph, state.from, state.to);
      Object.assign(scene, { ends: [`input ${state.from}`, `output ${state.to}`], end: state.to });
    }
  }
  const first = state.mode === "forward" ? 0 : stages.count - 1;
  scene.stage = clamp(state.stage ?? first, -1, stages.count - 1);
  if (state.mode === "backward") {
    scene.gradient = backwardPass(graph, stages, lossStep());
    const slider = { ofEdge: ({ hops }) => state.r ** hops, ofPlace: ({ hops }) => state.r ** hops };
    Object.assign(scene.gradient, state.measured ? measured : slider);
  }
  return scene;
}

// Two places, the one from which a path can lead to the other first.
const ordered = (places) => [...places].sort(([row, t], [otherRow, otherT]) => t - otherT || row - otherRow);

// A preview: the path between the first picked node and the one under the pointer.
function pathTo(place) {
  if (passing.picked.length !== 1) return null;
  const [a, b] = ordered([passing.picked[0], place]);
  return shortestPath(scene.graph, a, [b]);
}

let scene = null; // of the last rendering

// Show the state: compute, set the controls, draw, and write the address.
function render({ address = true, smooth = true } = {}) {
  const start = performance.now();
  normalise();
  document.documentElement.dataset.theme = state.theme ?? (darkPreferred.matches ? "dark" : "light");
  document.documentElement.style.setProperty("--accent", colourOf(state.system));
  const before = scene;
  scene = derive();
  syncControls();
  showTexts();
  aimView(smooth && before && passing.hoverSpan === null);
  growPath(before);
  drawAll();
  if (address) writeAddress();
  explorer.milliseconds = performance.now() - start;
  // The first drawing is no change.
  if (before) $("timing").textContent = `The last change took ${explorer.milliseconds.toFixed(1)} ms.`;
}

let writing = null;

// Write the state into the address, once a drag has come to rest: browsers refuse hundreds of changes in a row.
function writeAddress() {
  clearTimeout(writing);
  writing = setTimeout(() => history.replaceState(null, "", `#${hashOfState()}`), 200);
}

const darkPreferred = window.matchMedia("(prefers-color-scheme: dark)");

// ---------------------------------------------------------------------- motion

let stopView = () => {};
let stopPath = () => {};

// Move the view to the steps that the state asks for.
function aimView(smooth) {
  const target = passing.hoverSpan === null && state.view ? state.view : [0, scene.steps];
  const from = passing.view;
  stopView();
  if (!smooth || `${target}` === `${from}`) {
    passing.view = target;
  } else {
    stopView = animate(220, (progress) => {
      passing.view = from.map((value, i) => value + (target[i] - value) * progress);
      drawNet();
    });
  }
}

// Let a new path grow from its start.
function growPath(before) {
  if (passing.hoverSpan !== null || !scene.path) {
    stopPath();
    passing.progress = 1;
  } else if (!before || `${before.path}` !== `${scene.path}`) {
    stopPath();
    stopPath = animate(500, (progress) => {
      passing.progress = progress;
      drawNet();
    });
  }
}

// ---------------------------------------------------------------------- drawing

function drawAll() {
  drawNet();
  drawChart();
  drawSpanPath();
  drawFold();
  drawValues();
}

function drawNet() {
  const { hover, cursor, picked, progress } = passing;
  const place = hover ?? cursor ?? (picked.length === 1 ? picked[0] : null);
  const [start, count] = passing.view;
  const seen = place && scene.mode === "paths" ? ancestors(scene.graph, place) : null;
  const path = seen ? pathTo(place) : scene.path;
  const colours = themeColours();
  const accent = colourOf(state.system);
  net.draw({ ...scene, view: { start, count }, colours, accent, seen, path, cursor, chosen: picked, progress });
  if (place) showReading(place, seen);
}

function curvesShown() {
  const limit = chartLimit();
  return state.show.map((name) => ({
    lengths: lengthsOf(name),
    colour: colourOf(name),
    dash: SYSTEMS[name].dash,
    current: name === state.system,
    limit,
  }));
}

function drawChart() {
  const span = passing.hoverSpan ?? state.n;
  const before =
    passing.before && state.show.includes("dilated") ? { lengths: passing.before, colour: colourOf("dilated") } : null;
  chart.draw({ curves: curvesShown(), before, limit: chartLimit(), cycle: cycleOf(), span, colours: themeColours() });
}

// The span that the table and the small picture below it are about.
const spanShown = () => passing.hoverSpan ?? state.n ?? cycleOf();

function drawSpanPath() {
  const span = spanShown();
  const { graph } = scene;
  const path = inputToOutput(graph, 0, span);
  const steps = span + 1;
  const look = { colours: themeColours(), accent: colourOf(state.system), mode: "paths", progress: 1, chosen: [] };
  spanNet.draw({ graph, steps, view: { start: 0, count: Math.max(8, steps) }, path, ...look });
  $("span-net").setAttribute(
    "aria-label",
    `${graph.label}: ${path ? `a shortest path over ${plural(span, "step")}` : `no path over ${plural(span, "step")}`}`,
  );
}

function drawFold() {
  const dilation = foldDilation();
  const steps = Math.max(state.T, 3 * dilation);
  const shown = foldView.draw({
    dilation,
    steps,
    progress: state.folded,
    phaseColours: GIVEN.phases,
    colours: themeColours(),
  });
  const { count, rows, columns } = shown;
  $("fold-result").innerHTML = `<strong>${plural(columns, "folded step")} instead of ${count}</strong>:
    ${plural(rows, "phase")} t mod ${dilation} as rows, ⌈${count}/${dilation}⌉ = ${columns} columns.`;
  $("fold").setAttribute(
    "aria-label",
    `${count} time steps as ${state.folded < 0.5 ? "one sequence" : `${rows} rows of phases`}`,
  );
}

function drawValues() {
  const { example } = GIVEN;
  if (!example) return;
  const layer = Number($("values-layer").value);
  const name = $("values-name").value;
  const values = example.layers[layer].values[name];
  const look = { colours: themeColours(), tints: GIVEN.phases, hover: passing.step };
  valuesView.draw({ values, steps: example.steps, ...look });
  const step = passing.step === null ? "" : ` At step ${passing.step}: ${example.inputs[passing.step] ?? ""}.`;
  const kept = values.stride > 1 ? ` Every ${values.stride}th step is shown.` : "";
  $("values-result").textContent =
    `${name} of ${example.layers[layer].name}: ${plural(values.units, "unit")} over ${plural(example.steps, "step")},
    from ${figure(values.lowest, 2)} to ${figure(values.highest, 2)}.${kept}${step}`;
}

// ---------------------------------------------------------------------- texts

function showTexts() {
  const { graph, stages, stage, path, gradient } = scene;
  const layers = state.d.length;
  $("mode-hint").textContent = MODE_HINTS[state.measured ? "measured" : state.mode];
  $("net-keys").textContent = KEY_HINTS[state.mode];
  $("system-hint").innerHTML = SYSTEM_HINTS[state.system];
  $("reading").textContent = "";
  const [first] = passing.picked;
  const waiting = first
    ? `From ${rowName(graph, first[0])} at step ${first[1]}: now choose a second node.`
    : (state.from ?? state.to) === null
      ? "No path is chosen."
      : "Give both steps.";
  $("path-result").innerHTML = scene.ends
    ? pathText(graph, path, ...scene.ends, scene.end)
    : waiting;
  if (state.mode === "backward") {
    $("stage-result").innerHTML = backwardText(stages, stage, gradient.edges);
    const end = lossStep();
    const span = Math.min(end, state.n ?? end);
    $("gradient-result").innerHTML = state.measured
      ? measuredText(end)
      : gradientText(state, end, gradient.places.get(placeKey([0, end - span])), span);
  } else {
    $("stage-result").innerHTML = stageText(graph, stages, stage, state.T, layers);
  }
  const row = number($("ask-row").value);
  const t = number($("ask-step").value);
  const asked = row !== null && t !== null;
  const known = asked && row >= 1 && row <= graph.nodes.length && t >= 0 && t < state.T && graph.exists(row, t);
  $("ask-result").textContent = known
    ? `→ stage ${stages.stageOf(row, t) + 1} of ${stages.count}`
    : asked
      ? "→ no such node"
      : (row ?? t) === null
        ? ""
        : "→ give both the layer and the step";
  $("net").setAttribute(
    "aria-label",
    `${graph.label}, ${graph.nodes.length} rows above the input, ${state.T} time steps`,
  );
  const gap = gcd(state.d);
  $("fusion-hint").innerHTML =
    gap > 1
      ? `Joins the newest K = gcd = ${gap} steps of the top layer (section 2.2): without it, steps of different residues
        modulo ${gap} never meet.`
      : `Joins the newest K steps of the top layer, where the dilations have a common divisor K > 1, as with l<sub>0</sub>
        above 0 (section 2.2). Here K = 1: no effect.`;
  showTable();
  showSpan();
}

function measuredText(end) {
  const { layers, task } = GIVEN.example;
  return `The gradient of the loss at step ${end}, measured by backpropagation through the trained net (${task},
    ${plural(layers.length, "layer")}). An edge is drawn on a logarithmic scale: full for the largest norm, gone at a
    ten-thousandth of it.`;
}

function strengthText(reached) {
  const hops = `${plural(reached.hops, "hop")} from the loss`;
  if (!state.measured) return `${hops}, r<sup>${reached.hops}</sup> = ${small(state.r ** reached.hops)}`;
  const norm = measured.normOfPlace(reached);
  return norm === null ? "a part of the read-out" : `${hops}, the norm of the gradient is ${small(norm)}`;
}

function showReading(place, seen) {
  const { graph, stages, gradient } = scene;
  const [row, t] = place;
  const where = `${capital(rowName(graph, row))}, step ${t}`;
  if (scene.mode === "forward") {
    $("reading").textContent = row
      ? `${where}: computed in stage ${stages.stageOf(row, t) + 1} of ${stages.count}.`
      : `${where}: there from the start.`;
  } else if (scene.mode === "backward") {
    const reached = gradient.places.get(placeKey(place));
    $("reading").innerHTML = `${where}: ${reached ? strengthText(reached) : "the gradient does not come here"}.`;
  } else if (seen) {
    $("reading").textContent = seenText(graph, stages, place, seen.seen);
  }
}

// One row per system: the numbers of the chart.
function showTable() {
  const cycle = cycleOf();
  const span = spanShown();
  $("head-span").textContent = `n = ${span}`;
  $("head-steps").textContent = `T = ${state.T}`;
  for (const name of Object.keys(SYSTEMS)) {
    const row = $(`row-${name}`);
    const shown = state.show.includes(name);
    const graph = graphOf(name, settings());
    const lengths = shown && lengthsOf(name);
    const cells = shown
      ? [
          figure(meanLength(lengths, cycle)),
          figure(longestLength(lengths, cycle)),
          figure(lengths[span]),
          grouped(stagesOf(graph, state.T).count),
          figure(recurrentEdgesPerNode(graph), 2),
        ]
      : Array(5).fill("–");
    [...row.cells].slice(1).forEach((cell, i) => (cell.textContent = cells[i]));
    row.className = `${name === state.system ? "current" : ""} ${shown ? "" : "off"}`;
    const box = row.querySelector("input");
    box.checked = shown;
    box.disabled = !shown && state.show.length >= 4;
  }
  const closed = closedForm(state.d, cycle);
  const clockwork = state.show.includes("clockwork") && lcm(state.d) > MOST_STARTS;
  const formula =
    closed === null ? "" : ` For the powers, L + (M − 1)/2 · log<sub>M</sub> m + 1/m = ${figure(closed)} (section 3).`;
  const bound = clockwork
    ? ` The clockwork RNN repeats only after more than ${MOST_STARTS} steps: its lengths are over the starts
      0 … ${MOST_STARTS - 1}.`
    : "";
  $("table-hint").innerHTML =
    `m = ${cycle}. Choose up to four for the chart. ∞: some spans have no path.${formula}${bound}`;
}

function showSpan() {
  const span = passing.hoverSpan ?? state.n;
  $("chart").setAttribute("aria-valuenow", spanShown());
  if (span === null) {
    $("span-result").textContent = "Point at the chart, focus it and press the arrow keys, or type a span.";
    return;
  }
  const values = state.show.map((name) => `${SYSTEMS[name].name} ${figure(lengthsOf(name)[span])}`).join(", ");
  const path = inputToOutput(scene.graph, 0, span);
  const own = path && span ? ` ${capital(SYSTEMS[state.system].name)}${sumOfSteps(path) || ": a single hop"}.` : "";
  $("span-result").textContent = `Span ${span}: ${values} edges.${own}`;
  $("chart").setAttribute("aria-valuetext", $("span-result").textContent);
}
