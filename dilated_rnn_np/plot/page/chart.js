// The path lengths of up to four systems over the span, on a logarithmic axis.

class LengthChart extends Surface {
  layout({ curves, limit }) {
    const highest = Math.max(
      10,
      ...curves.flatMap(({ lengths }) => Array.from(lengths.subarray(0, limit + 1)).filter(Number.isFinite)),
    );
    Object.assign(this, { left: 46, right: 14, top: 14, bottom: 40, limit, highest: 1.25 * highest });
  }

  x(n) {
    return this.left + (n / this.limit) * (this.width - this.left - this.right);
  }
  y(edges) {
    const share = Math.log(edges) / Math.log(this.highest);
    return this.height - this.bottom - share * (this.height - this.top - this.bottom);
  }

  spanAt([x]) {
    const n = Math.round(((x - this.left) / (this.width - this.left - this.right)) * this.limit);
    return Math.max(0, Math.min(this.limit, n));
  }

  draw(scene) {
    const context = this.begin();
    const { colours, curves, before, cycle, span } = scene;
    this.layout(scene);
    this.drawAxes(colours);
    if (cycle < this.limit) {
      this.line(
        [
          [this.x(cycle), this.top],
          [this.x(cycle), this.height - this.bottom],
        ],
        colours.muted,
        1,
        [2, 4],
      );
    }
    if (before) this.curve(before.lengths, before.colour, 1.2, [2, 3], 0.75);
    for (const { lengths, colour, dash, current } of curves) this.curve(lengths, colour, current ? 2.6 : 1.7, dash, 1);
    if (span !== null) this.drawSpan(scene);
    if (cycle < this.limit) {
      const left = cycle > 0.8 * this.limit;
      const style = { size: 11, colour: colours.muted, halo: colours.paper };
      text(context, `m = ${cycle}`, this.x(cycle) + (left ? -6 : 6), this.top + 4, {
        ...style,
        align: left ? "right" : "left",
      });
    }
  }

  drawAxes(colours) {
    const { context } = this;
    const small = { size: 11, colour: colours.muted };
    for (const edges of [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].filter((e) => e <= this.highest)) {
      this.line(
        [
          [this.left, this.y(edges)],
          [this.width - this.right, this.y(edges)],
        ],
        colours.line,
        1,
        [],
        0.7,
      );
      text(context, `${edges}`, this.left - 8, this.y(edges), { ...small, align: "right" });
    }
    for (const n of ticks(0, this.limit, Math.floor(this.width / 70))) {
      text(context, `${n}`, this.x(n), this.height - this.bottom + 14, { ...small, align: "center" });
    }
    text(context, "span n (time steps)", (this.left + this.width - this.right) / 2, this.height - 10, {
      ...small,
      align: "center",
    });
  }

  line(points, colour, width, dash = [], alpha = 1) {
    const { context } = this;
    context.beginPath();
    points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.setLineDash(dash);
    Object.assign(context, { strokeStyle: colour, lineWidth: width, globalAlpha: alpha });
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 1;
  }

  // A line with one step per span, and gaps where a span has no path.
  curve(lengths, colour, width, dash, alpha) {
    let points = [];
    for (let n = 0; n <= this.limit + 1; n++) {
      if (n <= this.limit && Number.isFinite(lengths[n])) {
        points.push(
          [this.x(Math.max(0, n - 0.5)), this.y(lengths[n])],
          [this.x(Math.min(this.limit, n + 0.5)), this.y(lengths[n])],
        );
      } else {
        this.line(points, colour, width, dash, alpha);
        points = [];
      }
    }
  }

  drawSpan({ curves, span, colours }) {
    const { context } = this;
    this.line(
      [
        [this.x(span), this.top],
        [this.x(span), this.height - this.bottom],
      ],
      colours.ink,
      1,
    );
    for (const { lengths, colour } of curves) {
      if (!Number.isFinite(lengths[span])) continue;
      context.beginPath();
      context.arc(this.x(span), this.y(lengths[span]), 4.5, 0, 7);
      Object.assign(context, { fillStyle: colour, strokeStyle: colours.paper, lineWidth: 2 });
      context.fill();
      context.stroke();
    }
    const right = span > 0.85 * this.limit;
    text(context, `n = ${span}`, this.x(span) + (right ? -7 : 7), this.top + 18, {
      weight: 600,
      colour: colours.ink,
      align: right ? "right" : "left",
      halo: colours.paper,
    });
  }
}
