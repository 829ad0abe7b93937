// The unrolled network: time to the right, the input row at the bottom, a row per node. Only the steps in view are drawn.

const NEAR = 11; // pixels per step from which nodes are drawn as circles
const MIDDLE = 5; // pixels per step from which all edges are drawn

class NetworkView extends Surface {
  // Positions for a scene: { graph, steps, view: { start, count }, … }; steps outside the view lie outside the canvas.
  layout({ graph, steps, view }) {
    const narrow = this.width < 460;
    const left = narrow ? 66 : 104;
    const right = 16;
    const top = 22;
    const bottom = 40;
    const rows = graph.nodes.length;
    const pitch = (this.width - left - right) / view.count;
    const gap = Math.min(104, (this.height - top - bottom) / (rows + 0.6)); // the arcs of the top row need room too
    const base = this.height - bottom - Math.max(0, (this.height - top - bottom - gap * (rows + 0.6)) / 2);
    const radius = pitch >= NEAR ? Math.min(9, 0.3 * pitch, 0.2 * gap) : Math.max(1, Math.min(3.2, 0.32 * pitch));
    const first = Math.floor(view.start); // while the view moves, it begins and ends between two steps
    const last = Math.min(steps, Math.ceil(view.start + view.count));
    Object.assign(this, { left, right, pitch, gap, base, radius, narrow, view, first, last });
  }

  x(t) {
    return this.left + (t - this.view.start + 0.5) * this.pitch;
  }
  y(row) {
    return this.base - row * this.gap;
  }

  placeAt([x, y], { graph, steps }) {
    const row = Math.round((this.base - y) / this.gap);
    const t = Math.floor((x - this.left) / this.pitch + this.view.start);
    if (x < this.left || row < 0 || row > graph.nodes.length || t < 0 || t >= steps) return null;
    return graph.exists(row, t) ? [row, t] : null;
  }

  // Add an edge to the current path. Hops within a row are arcs over the nodes between, as in plot/geometry.py.
  trace(context, [row, t], [toRow, toT]) {
    const x = this.x(t);
    const y = this.y(row);
    const toX = this.x(toT);
    const toY = this.y(toRow);
    const hop = toT - t;
    context.moveTo(x, y);
    if (row === toRow && hop > 1) {
      const height = this.rise(t, hop) / 0.75;
      const out = Math.min(0.2 * (toX - x), Math.max(1.2 * this.pitch, 26));
      context.bezierCurveTo(x + out, y - height, toX - out, y - height, toX, toY);
    } else if (hop === 0 && toRow - row > 1) {
      const aside = Math.min(0.4 * this.pitch, 14); // past the nodes of the rows between
      context.bezierCurveTo(x - aside, y - this.gap / 2, x - aside, toY + this.gap / 2, toX, toY);
    } else {
      context.lineTo(toX, toY);
    }
  }

  // The height of an arc: every phase has its own, so that long arcs side by side stay apart.
  rise(t, hop) {
    return this.gap * (0.58 - (0.22 * (t % hop)) / hop) * (1 - 1 / hop);
  }

  stroke(edges, colour, width, alpha) {
    const { context } = this;
    context.beginPath();
    for (const [from, to] of edges) if (this.crossesView(from, to)) this.trace(context, from, to);
    Object.assign(context, { strokeStyle: colour, lineWidth: width, globalAlpha: alpha });
    context.stroke();
    context.globalAlpha = 1;
  }

  crossesView([, t], [, toT]) {
    return toT >= this.first && t < this.last;
  }

  circle([row, t], radius, fill, stroke, width = 1.4) {
    if (t < this.first || t >= this.last) return;
    const { context } = this;
    context.beginPath();
    context.arc(this.x(t), this.y(row), radius, 0, 7);
    if (fill) {
      context.fillStyle = fill;
      context.fill();
    }
    if (stroke) {
      context.strokeStyle = stroke;
      context.lineWidth = width;
      context.stroke();
    }
  }

  draw(scene) {
    const context = this.begin();
    const { colours } = scene;
    this.layout(scene);
    context.save();
    context.beginPath();
    context.rect(this.left - 4, 0, this.width - this.left + 4, this.height);
    context.clip();
    this.drawEdges(scene);
    this.drawNodes(scene);
    if (scene.path) this.drawPath(scene);
    for (const place of scene.chosen) this.circle(place, this.radius + 4, null, colours.ink, 2);
    if (scene.cursor) this.circle(scene.cursor, this.radius + 7, null, colours.ink, 2);
    context.restore();
    this.drawLabels(scene);
  }

  drawEdges(scene) {
    const { graph, steps, colours, accent } = scene;
    const { first, last } = this;
    const upward = [];
    const hops = [];
    if (this.pitch >= MIDDLE) {
      for (let row = 1; row <= graph.nodes.length; row++) {
        for (let t = first; t < Math.min(steps, last + this.longest(graph, row)); t++) {
          if (!graph.exists(row, t)) continue;
          for (const source of graph.entering(row, t)) {
            if (source[1] < last) (isUpward(source, [row, t]) ? upward : hops).push([source, [row, t]]);
          }
        }
      }
    }
    const faded = scene.path || scene.seen || scene.mode !== "paths";
    const near = this.pitch >= NEAR;
    this.stroke(upward, colours.line, near ? 1.3 : 0.7, 1);
    this.stroke(hops, faded ? colours.line : accent, near ? 1.3 : 0.7, faded ? 1 : 0.55);
    if (scene.mode === "forward") this.drawForward(scene);
    if (scene.mode === "backward") this.drawBackward(scene);
    if (scene.seen) this.stroke(scene.seen.edges, accent, near ? 1.6 : 0.8, 0.6);
  }

  longest(graph, row) {
    return Math.max(0, ...graph.nodes[row - 1].up, ...graph.nodes[row - 1].loops);
  }

  // The stage that is computed now: a band behind its nodes, and the edges that it reads.
  drawForward({ graph, stages, stage, accent }) {
    const places = stages.placesOf(stage);
    if (!places.length) return;
    const [[row, first]] = places;
    const [, last] = places.at(-1);
    const { context } = this;
    const half = this.pitch / 2;
    context.globalAlpha = 0.16;
    context.fillStyle = accent;
    context.beginPath();
    const high = Math.min(this.gap * 0.6, 34);
    const from = this.x(first) - half;
    const to = this.x(last) + half;
    context.roundRect(from, this.y(row) - high / 2, to - from, high, Math.min(10, high / 2));
    context.fill();
    context.globalAlpha = 1;
    const edges = places.flatMap((place) => graph.entering(...place).map((source) => [source, place]));
    this.stroke(edges, accent, 2, 0.9);
  }

  // Every edge that the gradient has used so far; width and opacity show its strength.
  drawBackward({ gradient, stage, accent }) {
    const groups = new Map();
    for (const edge of gradient.edges) {
      if (edge.stage > stage) continue;
      const strength = gradient.ofEdge(edge);
      const level = strength > 0 ? Math.round(12 * Math.log10(strength)) : -99;
      if (!groups.has(level)) groups.set(level, []);
      groups.get(level).push([edge.from, edge.to]);
    }
    for (const [level, edges] of [...groups].sort(([a], [b]) => a - b)) {
      const strength = 10 ** (level / 12);
      const scale = this.pitch >= NEAR ? 1 : 0.5;
      this.stroke(edges, accent, scale * (0.7 + Math.min(4, 2.2 * strength)), Math.max(0.02, Math.min(1, strength)));
    }
  }

  drawNodes(scene) {
    const { graph, colours } = scene;
    const { context, first, last } = this;
    const onPath = new Set((scene.path || []).map(placeKey));
    for (let row = 0; row <= graph.nodes.length; row++) {
      for (let t = first; t < last; t++) {
        if (!graph.exists(row, t)) continue;
        const alpha = onPath.has(placeKey([row, t])) ? 1 : this.fillOf(scene, row, t);
        if (this.pitch < NEAR) {
          this.circle([row, t], this.radius, colours.line);
          context.globalAlpha = alpha;
          if (alpha > 0) this.circle([row, t], this.radius, scene.accent);
          context.globalAlpha = 1;
          continue;
        }
        this.circle(
          [row, t],
          this.radius,
          row === 0 ? colours.node : colours.paper,
          alpha > 0 ? scene.accent : colours.muted,
        );
        if (alpha > 0) {
          context.globalAlpha = alpha;
          this.circle([row, t], this.radius, scene.accent);
          context.globalAlpha = 1;
        }
      }
    }
  }

  // The opacity with which a node is filled: lit, passed or not reached.
  fillOf({ mode, stages, stage, gradient, seen }, row, t) {
    if (seen && seen.seen.has(placeKey([row, t]))) return 0.75;
    if (mode === "forward") {
      const own = stages.stageOf(row, t);
      return own === stage ? 1 : own < stage ? 0.35 : 0;
    }
    if (mode === "backward") {
      const reached = gradient.places.get(placeKey([row, t]));
      return reached && reached.stage <= stage ? Math.max(0.03, Math.min(1, gradient.ofPlace(reached))) : 0;
    }
    return 0;
  }

  drawPath({ graph, path, progress, accent, colours }) {
    const edges = edgesOf(path);
    const shown = edges.slice(0, Math.ceil(progress * edges.length));
    this.stroke(shown, accent, this.pitch >= NEAR ? 3.4 : 2.4, 1);
    for (const place of path.slice(0, shown.length + 1)) this.circle(place, Math.max(this.radius, 3.5), accent);
    for (const [[row, t], [toRow, toT]] of shown) {
      if ((toT - t) * this.pitch < 24) continue;
      const rise = row === toRow && toT - t > 1 ? this.rise(t, toT - t) : 0;
      const style = { size: 12, weight: 600, colour: colours.ink, align: "center", halo: colours.paper };
      text(
        this.context,
        `+${toT - t}`,
        (this.x(t) + this.x(toT)) / 2,
        (this.y(row) + this.y(toRow)) / 2 - rise - (rise ? 10 : this.radius + 9),
        style,
      );
    }
  }

  drawLabels({ graph, colours }) {
    const { context, first, last } = this;
    const size = this.narrow ? 11 : 12.5;
    const roomy = this.gap >= 26;
    const every = Math.ceil(13 / this.gap); // rows too close for a label each
    for (let row = 0; row <= graph.nodes.length; row += every) {
      const detail = row && graph.nodes[row - 1].detail;
      const y = this.y(row);
      const name = this.narrow
        ? rowName(graph, row).replace("layer ", "L").replace("module ", "M")
        : rowName(graph, row);
      text(context, name, 8, detail && roomy ? y - 7 : y, { size, weight: 600, colour: colours.ink });
      if (detail && roomy) text(context, detail, 8, y + 8, { size: size - 1, colour: colours.muted });
    }
    const y = this.base + 28;
    const most = Math.floor((this.width - this.left - this.right) / 34);
    for (const t of ticks(first, last - 1, Math.max(2, most))) {
      text(context, `${t}`, this.x(t), y, { size: 11, colour: colours.muted, align: "center" });
    }
    text(context, "step t", 8, y, { size: 11, colour: colours.muted });
  }
}
