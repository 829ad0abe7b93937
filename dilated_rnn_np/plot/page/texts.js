// The sentences of the page: each states numbers together with the formula that they come from.

const plural = (count, noun) => `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
const figure = (value, digits = 4) =>
  Number.isFinite(value) ? (Number.isInteger(value) ? `${value}` : value.toFixed(digits)).replace("-", "−") : "∞";

function small(value) {
  if (value === 0) return "0";
  if (value >= 0.001 && value < 10000) return `${Number(value.toPrecision(3))}`;
  const [mantissa, exponent] = value.toExponential(1).split("e");
  return `${mantissa}\u00a0·\u00a010<sup>${exponent.replace("+", "").replace("-", "−")}</sup>`;
}

const MODE_HINTS = {
  paths: "Point at a node to light everything that it can see. Click two nodes for a shortest path between them.",
  forward: "Look for: how many nodes light up together, and how many stages that saves. Click a node to see its stage.",
  backward: "Look for: how far from the loss the edges are still strong. Click a step to put the loss there.",
  measured: "Look for: how far from the loss the edges are still strong.",
};

const STEP_KEYS = "The left and right arrow keys step, and the space bar plays.";
const KEY_HINTS = {
  paths: "Arrow keys move over the nodes, Enter picks a node, Escape clears.",
  forward: STEP_KEYS,
  backward: STEP_KEYS,
};

const SYSTEM_HINTS = {
  dilated:
    "Layer l reads its own state d = s(l) steps before: c<sub>t</sub> = f(x<sub>t</sub>, c<sub>t−s(l)</sub>) (section 2.1).",
  plain: `Every layer reads its own state of the step before: c<sub>t</sub> = f(x<sub>t</sub>, c<sub>t−1</sub>). Of the
    dilations below only their number counts: one per layer.`,
  skip: `Every layer reads two of its states: c<sub>t</sub> = f(x<sub>t</sub>, c<sub>t−1</sub>, c<sub>t−s</sub>) (section
    2.1; Zhang et al. 2016).`,
  clockwork: `One layer of modules; a module is computed at the multiples of its period, and reads itself and slower ones
    (Koutník et al. 2014). The dilations, sorted, are the periods.`,
  "dilated-cnn":
    "No recurrence: every layer reads the layer below at t and t − d (section 3). It sees only 1 + Σ d steps back.",
};

// The steps that a path travels, as a sum: ": 300 = 256 + 32 + 8 + 4"; empty for a single term.
function sumOfSteps(path) {
  const steps = edgesOf(path)
    .map(([[, t], [, toT]]) => toT - t)
    .filter(Boolean)
    .sort((a, b) => b - a);
  const counts = new Map();
  for (const d of steps) counts.set(d, (counts.get(d) || 0) + 1);
  const terms = [...counts].map(([d, count]) => (count > 3 ? `${count} × ${d}` : Array(count).fill(d).join(" + ")));
  return steps.length > 1 ? `: ${path.at(-1)[1] - path[0][1]} = ${terms.join(" + ")}` : "";
}

function pathText(graph, path, from, to, end) {
  if (!path)
    return `<strong>No path</strong> leads from ${from} to ${to}: no combination of edges spans these steps, and none
      leads back.`;
  const { length, upward, hops } = countEdges(path);
  const held = end - path.at(-1)[1];
  const holds =
    held > 0 ? ` The module holds its state for the last ${plural(held, "step")}, which costs no edge.` : "";
  return `<strong>${plural(hops, "hop")}</strong> + ${plural(upward, "upward edge")} = ${plural(length, "edge")}
    from ${from} to ${to}${sumOfSteps(path)}.${holds}`;
}

function seenText(graph, stages, place, seen) {
  const inputs = [...seen.values()]
    .filter(([row]) => row === 0)
    .map(([, t]) => t)
    .sort((a, b) => a - b);
  const [row, t] = place;
  const where = `${capital(rowName(graph, row))}, step ${t}`;
  if (row === 0) return `${where}.`;
  return `${where}, sees ${inputs.length} of the ${plural(t + 1, "input")} up to here: ${ranges(inputs)}. Computed in stage
    ${stages.stageOf(row, t) + 1} of ${stages.count}.`;
}

const capital = (words) => words[0].toUpperCase() + words.slice(1);

// 0, 1, 2, 5 as "0–2, 5"; long lists are cut.
function ranges(sorted) {
  const parts = [];
  for (let i = 0; i < sorted.length; i++) {
    const first = sorted[i];
    while (sorted[i + 1] === sorted[i] + 1) i++;
    parts.push(first === sorted[i] ? `${first}` : `${first}–${sorted[i]}`);
  }
  return parts.length > 9 ? `${parts.slice(0, 4).join(", ")}, …, ${parts.slice(-3).join(", ")}` : parts.join(", ");
}

function stageText(graph, stages, stage, steps, layers) {
  const beside = `${stages.count} stages for T = ${steps}; an ordinary RNN of ${plural(layers, "layer")} takes
    L · T = ${grouped(layers * steps)}`;
  if (stage < 0) return `The input is there; nothing is computed yet. <strong>${beside}.</strong>`;
  const places = stages.placesOf(stage);
  const [[row, first]] = places;
  const last = places.at(-1)[1];
  const times = places.length === 1 ? `step ${first}` : `${places.length} steps at once, ${first} to ${last}`;
  return `<strong>Stage ${stage + 1} of ${stages.count}</strong>: ${rowName(graph, row)}, ${times}. ${capital(beside)}.`;
}

function backwardText(stages, stage, edges) {
  if (stage < 0) return "The loss: the gradient starts at the output.";
  const used = edges.filter((edge) => edge.stage <= stage).length;
  return `<strong>Backward stage ${stage + 1} of ${stages.count}</strong>: the forward stages in reverse;
    ${plural(used, "edge")} of ${grouped(edges.length)} used so far.`;
}

function gradientText(state, end, reached, span) {
  const power = (hops) => `${state.r.toFixed(2)}<sup>${hops}</sup> = <strong>${small(state.r ** hops)}</strong>`;
  const plain = `a plain RNN needs ${plural(span, "hop")}: ${power(span)}`;
  const where = `From the loss at step ${end} to the input at step ${end - span}`;
  if (!reached) return `${where}: <strong>no path</strong>, the gradient is exactly 0; ${plain}.`;
  if (state.system === "plain") return `${where}: ${plain}. ${plainText(state.r)}`;
  return `${where}: ${plural(reached.hops, "hop")}, ${power(reached.hops)}; ${plain}.`;
}

function plainText(factor) {
  if (factor > 1) return "It explodes: above 1, a factor for every step makes the gradient grow without bound.";
  if (factor === 1) return "Only a factor of exactly 1 keeps the gradient over any number of steps.";
  return "That is why it forgets: a factor for every step leaves training almost nothing to learn from inputs far back.";
}
