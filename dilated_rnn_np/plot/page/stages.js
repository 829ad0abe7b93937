// Parallel stages, as plot/animation.py has them: layer by layer, each with as many time steps at once as possible.
//
// A node whose shortest edge to itself travels d steps can compute d steps at once, the phases of the fold (section 2.1).
// A node without such an edge (a convolution, the fusion layer) computes all steps at once.

function stagesOf(graph, steps) {
  const rows = graph.nodes.map((_, i) => i + 1);
  if (graph.periods) rows.reverse(); // the slowest module reads no other, so it is computed first
  const first = [];
  const loop = [];
  let count = 0;
  for (const row of rows) {
    const { loops } = graph.nodes[row - 1];
    first[row] = count;
    loop[row] = loops.length ? Math.min(...loops) : Infinity;
    count += Math.max(1, Math.ceil(steps / loop[row]));
  }
  const stageOf = (row, t) => (row === 0 ? -1 : first[row] + Math.floor(t / loop[row]));

  function rowOf(stage) {
    return rows.findLast((row) => first[row] <= stage);
  }

  // The places that a stage computes; stage -1 is the input.
  function placesOf(stage) {
    const row = stage < 0 ? 0 : rowOf(stage);
    const width = stage < 0 ? steps : loop[row];
    const start = stage < 0 ? 0 : (stage - first[row]) * Math.min(width, steps);
    const times = Array.from({ length: Math.max(0, Math.min(width, steps - start)) }, (_, k) => start + k);
    return times.filter((t) => graph.exists(row, t)).map((t) => [row, t]);
  }
  return { count, stageOf, rowOf, placesOf };
}

// Backpropagation from a loss at time `end`: the stages in reverse order, with every edge that the gradient uses.
//
// An edge has the backward stage in which it is used, and the number of hops of the best path from the loss through it:
// with a factor r per hop it carries r^hops. A place has the stage in which the gradient first reaches it, and its fewest
// hops.
function backwardPass(graph, stages, end) {
  const edges = [];
  const places = new Map();
  for (const place of graph.readAt(end)) places.set(placeKey(place), { place, hops: 0, stage: -1 });
  for (let t = end; t >= 0; t--) {
    for (let row = graph.nodes.length; row > 0; row--) {
      const reached = places.get(placeKey([row, t]));
      if (!reached) continue;
      const stage = stages.count - 1 - stages.stageOf(row, t);
      for (const source of graph.entering(row, t)) {
        const hops = reached.hops + (isUpward(source, [row, t]) ? 0 : 1);
        edges.push({ from: source, to: [row, t], hops, stage });
        const before = places.get(placeKey(source)) || { place: source, hops: Infinity, stage: Infinity };
        places.set(placeKey(source), {
          place: source,
          hops: Math.min(hops, before.hops),
          stage: Math.min(stage, before.stage),
        });
      }
    }
  }
  return { edges, places };
}
