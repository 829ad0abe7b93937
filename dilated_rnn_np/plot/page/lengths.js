// Path lengths: the recurrent length d_i(n) of Chang et al. 2017, section 3, and its mean, as in theory/paths.py.

const SPANS = 600; // path lengths cover the spans 0 … 600
const MOST_STARTS = 1024; // of a clockwork RNN, whose lengths depend on the start

// max over all starts i of d_i(n), for n = 0 … SPANS; Infinity where there is no path.
function recurrentLengths(graph) {
  return graph.periods ? clockworkLengths(graph) : stackLengths(graph);
}

function stackLengths(graph) {
  let below = new Float64Array(SPANS + 1).fill(Infinity);
  below[0] = 0;
  for (const { up, loops } of graph.nodes) {
    const here = new Float64Array(SPANS + 1).fill(Infinity);
    for (const steps of up) for (let n = steps; n <= SPANS; n++) here[n] = Math.min(here[n], below[n - steps] + 1);
    for (const d of loops) addHops(here, d);
    below = here;
  }
  return below;
}

// Replace lengths[n] by the minimum over k of lengths[n - k d] + k: any number of hops of d steps may be added.
function addHops(lengths, d) {
  for (let n = d; n < lengths.length; n++) if (lengths[n - d] + 1 < lengths[n]) lengths[n] = lengths[n - d] + 1;
}

function clockworkLengths({ periods, period }) {
  const longest = new Float64Array(SPANS + 1);
  const held = new Float64Array(periods.length); // edges from the input to the newest update of each module
  for (let start = 0; start < Math.min(period, MOST_STARTS); start++) {
    held.fill(Infinity);
    for (let n = 0; n <= SPANS; n++) {
      let nearest = n === 0 ? 0 : Infinity; // of the input, and of the old values of this and the slower modules
      for (let i = periods.length - 1; i >= 0; i--) {
        nearest = Math.min(nearest, held[i]);
        if ((start + n) % periods[i] === 0) held[i] = nearest + 1;
      }
      let length = Infinity; // the output reads all modules
      for (let i = 0; i < periods.length; i++) length = Math.min(length, held[i]);
      if (length > longest[n]) longest[n] = length;
    }
  }
  return longest;
}

// The mean recurrent length over a cycle m: (1/m) sum_{n=1..m} max_i d_i(n), definition 3.1.
function meanLength(lengths, cycle) {
  let total = 0;
  for (let n = 1; n <= cycle; n++) total += lengths[n];
  return total / cycle;
}

function longestLength(lengths, cycle) {
  let longest = 0;
  for (let n = 1; n <= cycle; n++) longest = Math.max(longest, lengths[n]);
  return longest;
}

// The closed form for dilations 1, M, … M^(L-1) over m = M^(L-1), or null for other settings.
function closedForm(dilations, cycle) {
  const powers = exponentialOf(dilations);
  if (!powers || powers.start !== 0 || powers.base < 2 || cycle !== dilations.at(-1)) return null;
  const { layers, base } = powers;
  return layers + ((base - 1) / 2) * (layers - 1) + 1 / cycle;
}

const placeKey = ([row, t]) => row * 8192 + t;

// A shortest path between two places as a list of places, or null. Breadth first from the end, against the edges.
function shortestPath(graph, from, ends) {
  const next = new Map(ends.filter(([, t]) => t >= from[1]).map((place) => [placeKey(place), null]));
  let front = ends.filter(([, t]) => t >= from[1]);
  while (front.length && !next.has(placeKey(from))) {
    const reached = [];
    for (const place of front) {
      for (const source of graph.entering(...place)) {
        if (source[1] < from[1] || next.has(placeKey(source))) continue;
        next.set(placeKey(source), place);
        reached.push(source);
      }
    }
    front = reached;
  }
  if (!next.has(placeKey(from))) return null;
  const path = [];
  for (let place = from; place; place = next.get(placeKey(place))) path.push(place);
  return path;
}

// The path from the input at time i to the output at time i + n, whose length is d_i(n).
const inputToOutput = (graph, start, end) => shortestPath(graph, [0, start], graph.readAt(end));

const edgesOf = (path) => path.slice(1).map((place, i) => [path[i], place]);

function countEdges(path) {
  const edges = edgesOf(path);
  const upward = edges.filter(([a, b]) => isUpward(a, b)).length;
  return { length: edges.length, upward, hops: edges.length - upward };
}

// Everything a place can see: all places from which a path leads to it, and the edges of those paths.
function ancestors(graph, place) {
  const seen = new Map([[placeKey(place), place]]);
  const edges = [];
  const stack = [place];
  while (stack.length) {
    const here = stack.pop();
    for (const source of graph.entering(...here)) {
      edges.push([source, here]);
      if (seen.has(placeKey(source))) continue;
      seen.set(placeKey(source), source);
      stack.push(source);
    }
  }
  return { seen, edges };
}
