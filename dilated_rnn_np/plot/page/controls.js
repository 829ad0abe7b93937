// The controls: what the reader does, turned into changes of the state.

const powers = { base: 2, start: 0 }; // M and l0, while the dilations are a list of the reader's own

function set(changes, options) {
  Object.assign(state, changes);
  render(options);
}

// Set a control without moving the cursor in a field that the reader is typing into.
function put(id, value) {
  const control = $(id);
  if (document.activeElement !== control || control.type === "range") control.value = value ?? "";
}

function syncControls() {
  const known = exponentialOf(state.d);
  if (known) Object.assign(powers, { base: known.base, start: known.start });
  for (const [id, value] of Object.entries({
    layers: state.d.length,
    base: powers.base,
    start: powers.start,
    steps: state.T,
  })) {
    put(id, value);
    put(`${id}-slider`, value);
  }
  put("dilations", state.d.join(", "));
  if (document.activeElement !== $("dilations")) $("dilations-error").textContent = "";
  document.querySelector(`#system input[value="${state.system}"]`).checked = true;
  document.querySelector(`#mode input[value="${state.mode}"]`).checked = true;
  $("fusion").checked = state.fusion;
  $("skip").placeholder = settings().skip;
  $("cycle").placeholder = cycleOf();
  for (const [id, value] of Object.entries({
    skip: state.s,
    from: state.from,
    to: state.to,
    cycle: state.m,
    span: state.n,
  }))
    put(id, value);
  $("panel-paths").hidden = state.mode !== "paths";
  $("panel-stages").hidden = state.mode === "paths";
  $("forward-only").hidden = state.mode !== "forward";
  $("backward-only").hidden = state.mode !== "backward";
  $("stage").min = -1;
  $("stage").max = scene.stages.count - 1;
  put("stage", scene.stage);
  $("stage").setAttribute("aria-valuetext", `stage ${scene.stage + 1} of ${scene.stages.count}`);
  put("factor", state.r);
  $("factor").disabled = state.measured;
  $("factor-value").textContent = state.r.toFixed(2);
  $("loss-at").max = state.T - 1;
  $("loss-at").disabled = state.measured;
  put("loss-at", lossStep());
  $("measured-field").hidden = !isMeasured();
  $("gradient-hint").hidden = state.measured;
  $("measured").checked = state.measured;
  const [first, count] = state.view ?? [0, state.T];
  Object.assign($("view-count"), { min: Math.min(8, state.T), max: state.T });
  Object.assign($("view-start"), { min: 0, max: Math.max(0, state.T - count), disabled: count >= state.T });
  put("view-count", count);
  put("view-start", first);
  $("view-count-value").textContent = count;
  $("view-start-value").textContent = first;
  $("limit").value = state.limit ?? "";
  put("fold-dilation", foldDilation());
  put("fold-progress", state.folded);
  $("fold-play").textContent = state.folded < 0.5 ? "Fold" : "Unfold";
  $("theme-name").textContent = document.documentElement.dataset.theme === "dark" ? "Light" : "Dark";
  $("powers").disabled = Boolean(known);
  $("chart").setAttribute("aria-valuemax", chartLimit());
  syncLayerSliders();
}

// A field that the reader leaves shows the value that the page uses.
document.addEventListener("focusout", () => setTimeout(syncControls));

// ---------------------------------------------------------------------- dilations

const SLIDER = [...Array(32).keys()].map((i) => i + 1); // values of a dilation's slider: every number, then coarser steps
for (let d = 34; d <= 512; d += d < 64 ? 2 : d < 128 ? 4 : d < 256 ? 8 : 16) SLIDER.push(d);
const sliderPlace = (d) => SLIDER.findLastIndex((value) => value <= d);

function syncLayerSliders() {
  const box = $("layer-sliders");
  while (box.children.length > state.d.length) box.firstChild.remove();
  while (box.children.length < state.d.length) box.prepend(layerSlider());
  [...box.children].forEach((row, i) => {
    const layer = state.d.length - 1 - i;
    const [label, range, field] = row.children;
    const d = state.d[layer];
    row.dataset.layer = layer;
    label.textContent = `layer ${layer + 1}`;
    range.setAttribute("aria-label", `Dilation of layer ${layer + 1}`);
    range.setAttribute("aria-valuetext", d);
    field.setAttribute("aria-label", `Dilation of layer ${layer + 1}, as a number`);
    if (SLIDER[range.value] !== d) range.value = sliderPlace(d);
    if (document.activeElement !== field) field.value = d;
  });
}

function layerSlider() {
  const row = document.createElement("div");
  row.className = "knob";
  row.innerHTML = `<span></span>
    <input type="range" min="0" max="${SLIDER.length - 1}" step="1">
    <input type="number" min="1" max="${LARGEST_DILATION}" step="1">`;
  const change = (d) => {
    const dilations = state.d.with(Number(row.dataset.layer), d);
    if (!wrongDilations(dilations)) setDilations(dilations);
  };
  row.children[1].addEventListener("input", (event) => change(SLIDER[event.target.value]));
  row.children[2].addEventListener("input", (event) => change(Number(event.target.value)));
  return row;
}

function setDilations(dilations, keepComparison = false) {
  if (!keepComparison) {
    passing.before = null;
    $("search-result").hidden = true;
  }
  passing.picked = [];
  set({ d: dilations });
}

function setPowers(changes) {
  const wanted = { layers: state.d.length, ...powers, ...changes };
  const dilations = exponentialDilations(wanted.layers, wanted.base, wanted.start);
  const wrong = wrongDilations(dilations);
  $("dilations-error").textContent = wrong
    ? `M^(L−1+l₀) would be ${grouped(dilations.at(-1))}, but must be at most ${grouped(LARGEST_DILATION)}: choose a smaller L, M or l₀.`
    : "";
  if (wrong) return;
  Object.assign(powers, { base: wanted.base, start: wanted.start });
  setDilations(dilations);
}

for (const [id, name] of [
  ["layers", "layers"],
  ["base", "base"],
  ["start", "start"],
]) {
  for (const control of [$(id), $(`${id}-slider`)]) {
    control.addEventListener("input", () => {
      const value = number(control.value);
      const least = id === "start" ? 0 : 1;
      if (value !== null && Number.isInteger(value) && value >= least && value <= 64) setPowers({ [name]: value });
    });
  }
}

$("dilations").addEventListener("input", () => {
  const dilations = numbers($("dilations").value);
  const wrong = wrongDilations(dilations);
  $("dilations-error").textContent = wrong ?? "";
  if (!wrong) setDilations(dilations);
});

$("search").addEventListener("click", () => {
  const cycle = cycleOf();
  const layers = state.d.length;
  const reference = exponentialDilations(layers, 2, 0);
  const used = exponentialOf(state.d) ? state.d : reference;
  $("search-result").hidden = false;
  if (layers > cycle) {
    $("search-result").textContent = `A cycle m of ${cycle} has no use for ${layers} layers: raise m.`;
    return;
  }
  const found = searchedDilations(layers, cycle);
  const mean = meanHops(used, cycle);
  passing.before = recurrentLengths(graphOf("dilated", { ...settings(), dilations: used }));
  const gain = mean - found.mean;
  $("search-result").innerHTML =
    `Mean hops over the spans 1 … ${cycle}: <strong>${figure(found.mean, 3)}</strong> against ${figure(mean, 3)} of
    ${listed(used)}: ${gain > 0 ? `${figure(gain, 3)} fewer` : "no gain"}. The dotted curve is the one before.
    Source: ${found.source}.`;
  state.m = cycle; // the cycle that was searched for stays
  state.system = "dilated";
  setDilations(found.dilations, true);
});

$("powers").addEventListener("click", () => setPowers({}));

// ---------------------------------------------------------------------- further settings

function buildLists() {
  for (const [name, { name: words, dash }] of Object.entries(SYSTEMS)) {
    const look = `stroke="${colourOf(name)}" stroke-dasharray="${dash.join(" ")}"`;
    const swatch = `<svg class="swatch" viewBox="0 0 26 8" aria-hidden="true"><path d="M0 4H26" ${look}/></svg>`;
    $("system").insertAdjacentHTML(
      "beforeend",
      `<label><input type="radio" name="system" value="${name}">${swatch}<span>${words}</span></label>`,
    );
    const label = `aria-label="Show the ${words} in the chart"`;
    const box = `<label><input type="checkbox" ${label}>${swatch}<span>${words}</span></label>`;
    $("systems-table").tBodies[0].insertAdjacentHTML(
      "beforeend",
      `<tr id="row-${name}"><td>${box}</td><td></td><td class="wide-only"></td><td></td><td></td>
      <td class="wide-only"></td></tr>`,
    );
    $(`row-${name}`)
      .querySelector("input")
      .addEventListener("change", (event) => {
        set({ show: event.target.checked ? [...state.show, name] : state.show.filter((other) => other !== name) });
      });
  }
}

$("system").addEventListener("change", (event) => {
  passing.picked = [];
  const system = event.target.value;
  const show = state.show.includes(system) ? state.show : [...state.show.slice(0, 3), system];
  set({ system, show, stage: null });
});
$("mode").addEventListener("change", (event) => {
  pause();
  passing.picked = [];
  set({ mode: event.target.value, stage: null });
});
$("fusion").addEventListener("change", () => set({ fusion: $("fusion").checked }));
$("measured").addEventListener("change", () => set({ measured: $("measured").checked, view: null }));
$("limit").insertAdjacentHTML("afterbegin", '<option value="">automatic</option>');
$("limit").addEventListener("change", () => set({ limit: number($("limit").value) }));

const FIELDS = {
  skip: "s",
  steps: "T",
  "steps-slider": "T",
  cycle: "m",
  span: "n",
  factor: "r",
  "loss-at": "loss",
  stage: "stage",
  "fold-dilation": "fold",
  "fold-progress": "folded",
};
for (const [id, name] of Object.entries(FIELDS)) {
  $(id).addEventListener("input", () => {
    const value = number($(id).value);
    if (name === "T" && (value === null || value < 2)) return;
    if (name === "stage") pause();
    if (name === "T")
      Object.assign(state, {
        from: state.from >= value ? null : state.from,
        to: state.to >= value ? null : state.to,
        view: null,
      });
    set({ [name]: value });
  });
}
for (const id of ["from", "to"]) {
  $(id).addEventListener("input", () => {
    passing.picked = [];
    const view = number($(id).value) >= state.T ? null : state.view;
    set({ [id]: number($(id).value), view });
  });
}
for (const id of ["ask-row", "ask-step"]) {
  $(id).addEventListener("input", () => {
    const step = number($("ask-step").value);
    if (step !== null && step >= state.T) state.T = clamp(step + 1, 2, SPANS + 1);
    render();
    const row = number($("ask-row").value);
    const { graph, stages } = scene;
    if (row >= 1 && row <= graph.nodes.length && step !== null && graph.exists(row, step))
      set({ stage: stages.stageOf(row, step) });
  });
}
$("clear").addEventListener("click", () => {
  passing.picked = [];
  set({ from: null, to: null });
});
for (const id of ["view-count", "view-start"]) {
  $(id).addEventListener("input", () =>
    set({ view: [Number($("view-start").value), Number($("view-count").value)] }, { smooth: false }),
  );
}
$("view-fit").addEventListener("click", () => set({ view: null }));
$("theme").addEventListener("click", () =>
  set({ theme: document.documentElement.dataset.theme === "dark" ? "light" : "dark" }),
);

// ---------------------------------------------------------------------- stages

let timer = null;

function pause() {
  clearInterval(timer);
  timer = null;
  $("play").textContent = "▶ Play";
  $("play").setAttribute("aria-label", "Play");
}

function step(by) {
  pause();
  set({ stage: clamp(scene.stage + by, -1, scene.stages.count - 1) });
}

function togglePlay() {
  if (timer) return pause();
  if (scene.stage >= scene.stages.count - 1) set({ stage: -1 });
  $("play").textContent = "❚❚ Pause";
  $("play").setAttribute("aria-label", "Pause");
  timer = setInterval(
    () => {
      if (scene.stage >= scene.stages.count - 1) pause();
      else set({ stage: scene.stage + 1 });
    },
    clamp(9000 / scene.stages.count, 40, 450),
  );
}

$("first").addEventListener("click", () => step(-Infinity));
$("back").addEventListener("click", () => step(-1));
$("next").addEventListener("click", () => step(1));
$("last").addEventListener("click", () => step(Infinity));
$("play").addEventListener("click", togglePlay);

let stopFold = () => {};
$("fold-play").addEventListener("click", () => {
  const from = state.folded;
  const to = from < 0.5 ? 1 : 0;
  stopFold();
  stopFold = animate(1100, (progress) => set({ folded: from + (to - from) * progress }, { address: progress === 1 }));
});
