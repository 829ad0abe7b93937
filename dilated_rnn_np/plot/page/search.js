// Dilations with fewer hops than the powers of M, by the method of theory/search.py: coordinate descent with restarts.

// A set that a longer run of drn.search.search_dilations found: mean 3.070 hops, the powers of two 4.004.
const KNOWN_SETS = { "9,256": [1, 5, 8, 22, 24, 62, 73, 99, 114] };

// The fewest hops for each span 0 … limit: the coin-change problem.
function fewestHops(dilations, limit) {
  const hops = new Float64Array(limit + 1).fill(Infinity);
  hops[0] = 0;
  for (const d of dilations) addHops(hops, d);
  return hops;
}

const meanHops = (dilations, cycle) => meanLength(fewestHops(dilations, cycle), cycle);

// Numbers in [0, 1) from a seed (Marsaglia's xorshift), so that the button always gives the same answer.
function randomNumbers(seed) {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
}

function searchedDilations(layers, cycle) {
  const known = KNOWN_SETS[`${layers},${cycle}`];
  if (known)
    return { dilations: known, mean: meanHops(known, cycle), source: "a longer run of drn.search.search_dilations" };
  const random = randomNumbers(1 + layers + 4096 * cycle);
  const restarts = Math.max(3, Math.min(20, Math.round(5e5 / cycle ** 2)));
  let best = { mean: Infinity };
  for (let i = 0; i < restarts; i++) {
    const others = new Set();
    while (others.size < Math.min(layers, cycle) - 1) others.add(2 + Math.floor(random() * (cycle - 1)));
    const found = descend([1, ...others], cycle);
    if (found.mean < best.mean) best = found;
  }
  const source = `coordinate descent with ${restarts} restarts, the method of drn.search; not proven to be best`;
  return { ...best, dilations: [...best.dilations].sort((a, b) => a - b), source };
}

// Set one dilation at a time to its best value until none improves.
function descend(dilations, cycle) {
  let mean = meanHops(dilations, cycle);
  let improved = true;
  while (improved) {
    improved = false;
    for (let place = 1; place < dilations.length; place++) {
      const rest = fewestHops(
        dilations.filter((_, i) => i !== place),
        cycle,
      );
      for (let d = 2; d <= cycle; d++) {
        const hops = rest.slice();
        addHops(hops, d);
        const candidate = meanLength(hops, cycle);
        if (candidate < mean) {
          mean = candidate;
          dilations[place] = d;
          improved = true;
        }
      }
    }
  }
  return { dilations, mean };
}
