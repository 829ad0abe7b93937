// Architectures as graphs unrolled over time, as in theory/graphs.py.
//
// A place is a pair (row, t): row 0 is the input, rows 1, 2, … are the nodes from bottom to top. A graph answers three
// questions: does a place exist, which places does it read, and which places does the output at time t read.

const SYSTEMS = {
  dilated: { name: "dilated RNN", dash: [] },
  plain: { name: "plain RNN", dash: [7, 4] },
  skip: { name: "skip RNN", dash: [9, 3, 2, 3] },
  clockwork: { name: "clockwork RNN", dash: [2, 3] },
  "dilated-cnn": { name: "dilated CNN", dash: [12, 4] },
};

const LARGEST_DILATION = 4096;
const MOST_LAYERS = 12;

const divisor = (a, b) => (b ? divisor(b, a % b) : a);
const gcd = (numbers) => numbers.reduce(divisor);
const lcm = (numbers) => numbers.reduce((a, b) => (a / divisor(a, b)) * b);

// The dilations M^l0, M^(l0+1), … of Chang et al. 2017, section 2.2.
function exponentialDilations(layers, base, start) {
  return Array.from({ length: layers }, (_, l) => base ** (start + l));
}

// The L, M and l0 that give a list of dilations, or null.
function exponentialOf(dilations) {
  const [first, second = 2 * first] = dilations;
  const base = second / first;
  const start = base > 1 ? Math.round(Math.log(first) / Math.log(base)) : 0;
  const same = exponentialDilations(dilations.length, base, start).every((d, l) => d === dilations[l]);
  return same ? { layers: dilations.length, base, start } : null;
}

// A stack: node l reads the row below through edges of up[l] steps and itself through edges of loops[l] steps.
function stackGraph(system, label, layers, fusion = 0) {
  const nodes = layers.map((_, l) => ({ name: `layer ${l + 1}`, ...layers[l] }));
  if (fusion > 1)
    nodes.push({ name: "fusion", up: Array.from({ length: fusion }, (_, k) => k), loops: [], detail: `K = ${fusion}` });
  return {
    system,
    label,
    nodes,
    fusionRow: fusion > 1 ? nodes.length : 0,
    period: 1,
    exists: () => true,
    entering(row, t) {
      if (row === 0) return [];
      const { up, loops } = nodes[row - 1];
      const sources = [];
      for (const steps of up) if (steps <= t) sources.push([row - 1, t - steps]);
      for (const steps of loops) if (steps <= t) sources.push([row, t - steps]);
      return sources;
    },
    readAt: (t) => [[nodes.length, t]],
  };
}

// A clockwork RNN (Koutník et al. 2014): module i is computed at multiples of its period, from itself and slower modules.
function clockworkGraph(given) {
  const periods = [...given].sort((a, b) => a - b);
  const nodes = periods.map((p, i) => ({ name: `module ${i + 1}`, up: [0], loops: [p], detail: `period ${p}` }));
  return {
    system: "clockwork",
    label: `clockwork RNN ${listed(periods)}`,
    nodes,
    periods,
    fusionRow: 0,
    period: lcm(periods),
    exists: (row, t) => row === 0 || t % periods[row - 1] === 0,
    entering(row, t) {
      if (row === 0) return [];
      const sources = [[0, t]];
      for (let i = row - 1; t > 0 && i < periods.length; i++) {
        sources.push([i + 1, Math.floor((t - 1) / periods[i]) * periods[i]]); // the update before t
      }
      return sources;
    },
    readAt: (t) => periods.map((p, i) => [i + 1, Math.floor(t / p) * p]),
  };
}

// The graph of a system with the page's settings: dilations, skip s, and whether there is a fusion layer.
function graphOf(system, { dilations, skip, fusion }) {
  const width = fusion ? gcd(dilations) : 1;
  const hop = (d) => ({ up: [0], loops: [d], detail: `d = ${d}` });
  switch (system) {
    case "plain":
      return stackGraph(
        system,
        "plain RNN",
        dilations.map(() => hop(1)),
      );
    case "skip":
      return stackGraph(
        system,
        `skip RNN, s = ${skip}`,
        dilations.map(() => ({ up: [0], loops: [1, skip], detail: `1 and ${skip}` })),
      );
    case "dilated-cnn":
      return stackGraph(
        system,
        `dilated CNN ${listed(dilations)}`,
        dilations.map((d) => ({ up: [0, d], loops: [], detail: `0 and ${d}` })),
      );
    case "clockwork":
      return clockworkGraph(dilations);
    default:
      return stackGraph("dilated", `dilated RNN ${listed(dilations)}`, dilations.map(hop), width);
  }
}

function listed(numbers) {
  const geometric = numbers.every((d, l) => l === 0 || d === numbers[l - 1] * (numbers[1] / numbers[0]));
  return geometric && numbers.length > 4
    ? `${numbers.slice(0, 3).join(", ")}, …, ${numbers.at(-1)}`
    : numbers.join(", ");
}

const rowName = (graph, row) => (row === 0 ? "input" : graph.nodes[row - 1].name);

// An edge is upward if its end lies in a higher row; all others are hops.
const isUpward = ([fromRow], [toRow]) => toRow > fromRow;

// Recurrent edges per node (theory/measures.py): edges that travel time, without those into the fusion layer.
function recurrentEdgesPerNode(graph) {
  if (graph.periods) {
    const updates = graph.periods.map((p) => graph.period / p);
    const edges = updates.map((count, i) => count * (updates.length - i));
    return sum(edges) / sum(updates);
  }
  const counted = graph.nodes.filter((_, i) => i + 1 !== graph.fusionRow);
  return sum(counted.map(({ up, loops }) => up.filter(Boolean).length + loops.length)) / counted.length;
}

const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);

// A whole number as text, with a comma after the thousands.
const grouped = (number) => number.toLocaleString("en");
