// Pointer and keyboard on the pictures.

const netCanvas = $("net");
const chartCanvas = $("chart");
const valuesCanvas = $("values");

function hover(place) {
  if (`${place}` === `${passing.hover}`) return;
  passing.hover = place;
  if (!place && !passing.cursor) $("reading").textContent = "";
  drawNet();
}

// A click: in the mode Paths it picks an end of a path, in the others a stage or the place of the loss.
function pick(place) {
  if (!place) return;
  if (state.mode === "forward") return set({ stage: scene.stages.stageOf(...place) });
  if (state.mode === "backward") return state.measured ? undefined : set({ loss: place[1] });
  passing.picked = passing.picked.length === 1 ? [passing.picked[0], place] : [place];
  set({ from: null, to: null });
}

netCanvas.addEventListener("pointermove", (event) => hover(net.placeAt(net.position(event), scene)));
netCanvas.addEventListener("pointerleave", () => hover(null));
netCanvas.addEventListener("click", (event) => {
  const place = net.placeAt(net.position(event), scene);
  passing.hover = passing.cursor = null;
  pick(place);
});

const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [1, 0], ArrowDown: [-1, 0] };

netCanvas.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    passing.cursor = null;
    passing.picked = [];
    set({ from: null, to: null });
  } else if (event.key === "Enter" && passing.cursor) {
    pick(passing.cursor);
  } else if (MOVES[event.key] && (state.mode === "paths" || event.key === "ArrowUp" || event.key === "ArrowDown")) {
    const [up, on] = MOVES[event.key];
    const { graph } = scene;
    let [row, t] = passing.cursor ?? [0, (state.view ?? [0])[0] - on];
    row = clamp(row + up, 0, graph.nodes.length);
    do t += on;
    while (on && t > 0 && t < state.T - 1 && !graph.exists(row, t));
    while (!graph.exists(row, t) && t > 0) t -= 1; // a row above may have no node at this step
    passing.cursor = [row, clamp(t, 0, state.T - 1)];
    drawNet();
  } else {
    return;
  }
  event.preventDefault();
});
netCanvas.addEventListener("blur", () => {
  passing.cursor = null;
  drawNet();
});

// Arrow keys step and the space bar plays wherever the focus is, but for controls that use these keys themselves.
document.addEventListener("keydown", (event) => {
  const busy =
    event.target.closest("input, select, summary, [role=slider]") || event.ctrlKey || event.metaKey || event.altKey;
  if (state.mode === "paths" || busy || event.defaultPrevented) return;
  if (event.key === "ArrowRight") step(1);
  else if (event.key === "ArrowLeft") step(-1);
  else if (event.key === " " && !event.target.closest("button, a")) togglePlay();
  else return;
  event.preventDefault();
});

// ---------------------------------------------------------------------- chart

function hoverSpan(span) {
  if (span === passing.hoverSpan) return;
  passing.hoverSpan = span;
  render({ address: false });
}

// Keep a span: the picture shows its path from step 0 on.
function keepSpan(n) {
  passing.hoverSpan = null;
  passing.picked = [];
  set(state.mode === "paths" ? { n, from: 0, to: n, view: null } : { n });
}

chartCanvas.addEventListener(
  "pointermove",
  (event) => event.pointerType !== "touch" && hoverSpan(chart.spanAt(chart.position(event))),
);
chartCanvas.addEventListener("pointerleave", () => hoverSpan(null));
chartCanvas.addEventListener("click", (event) => keepSpan(chart.spanAt(chart.position(event))));
chartCanvas.addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 }[event.key];
  if (!by) return;
  keepSpan(clamp((state.n ?? -by) + by, 0, chartLimit()));
  event.preventDefault();
});

// ---------------------------------------------------------------------- checkpoint

function moveStep(t) {
  passing.step = t;
  if (t !== null) valuesCanvas.setAttribute("aria-valuenow", t);
  drawValues();
  valuesCanvas.setAttribute("aria-valuetext", $("values-result").textContent);
}

function showExample() {
  const { example } = GIVEN;
  if (!example) return;
  $("checkpoint").hidden = false;
  $("example-text").textContent = example.text;
  $("values-layer").innerHTML = example.layers.map(({ name }, i) => `<option value="${i}">${name}</option>`).join("");
  $("values-name").innerHTML = Object.keys(example.layers[0].values)
    .map((name) => `<option>${name}</option>`)
    .join("");
  $("show-measured").hidden = !example.gradient;
  for (const id of ["values-layer", "values-name"]) $(id).addEventListener("input", drawValues);
  valuesCanvas.setAttribute("aria-valuemax", example.steps - 1);
  valuesCanvas.setAttribute("aria-valuenow", 0);
  valuesCanvas.addEventListener("pointermove", (event) => moveStep(valuesView.stepAt(valuesView.position(event))));
  valuesCanvas.addEventListener("pointerleave", () => moveStep(null));
  valuesCanvas.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10 }[event.key];
    if (!by) return;
    moveStep(clamp((passing.step ?? -by) + by, 0, example.steps - 1));
    event.preventDefault();
  });
  $("show-measured").addEventListener("click", () => {
    set({ system: example.system, d: DEFAULTS.d, mode: "backward", measured: true, stage: null, view: null });
    $("net").scrollIntoView({ behavior: calm.matches ? "auto" : "smooth", block: "center" });
  });
}

// ---------------------------------------------------------------------- start

// For tests and for the curious: the page's state and the numbers that it computed.
const explorer = {
  state,
  milliseconds: 0,
  graph: () => scene.graph,
  lengths: (system = state.system) => Array.from(lengthsOf(system)),
  mean: (system = state.system) => meanLength(lengthsOf(system), cycleOf()),
  stages: () => Array.from({ length: scene.stages.count }, (_, stage) => scene.stages.placesOf(stage)),
  scene: () => scene,
  position: ([row, t]) => [net.x(t), net.y(row)],
};
window.explorer = explorer;

function openAddress() {
  Object.assign(state, stateFromHash());
  Object.assign(passing, { picked: [], hoverSpan: null, before: null });
  pause();
  render({ smooth: false });
}

buildLists();
showExample();
openAddress();
window.addEventListener("hashchange", openAddress);
window.addEventListener("resize", () => drawAll());
darkPreferred.addEventListener("change", () => render({ address: false }));
