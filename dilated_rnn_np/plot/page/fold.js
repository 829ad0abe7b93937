// The fold of one layer (section 2.1 and figure 1, right): step t = q d + p is step q of phase p, a row of a batch.

class FoldView extends Surface {
  // How many steps are drawn: enough for four folded steps where they fit.
  stepsShown(dilation, steps) {
    return Math.min(
      steps,
      Math.max(12, 4 * dilation - Math.floor(dilation / 2)),
      Math.floor((this.canvas.clientWidth - 24) / 13),
    );
  }

  // `progress` 0 is the sequence, 1 the batch of phases.
  draw({ dilation, steps, progress, phaseColours, colours }) {
    const context = this.begin();
    const count = this.stepsShown(dilation, steps);
    const rows = Math.min(dilation, count);
    const columns = Math.ceil(count / dilation);
    const labels = 66;
    const top = 20;
    const bottom = 34;
    const cell = Math.min(32, (this.width - 24) / count - 3);
    const high = (this.height - top - bottom) / rows;
    const pitch = Math.min(110, (this.width - labels - cell - 24) / Math.max(1, columns - 1));
    const wide = labels + cell + (columns - 1) * pitch;
    const left = (this.width - wide) / 2 + labels; // both drawings are centred
    const start = (this.width - count * (cell + 3) + 3) / 2;
    const middle = this.height / 2 + 14;
    const mix = (a, b) => a + (b - a) * progress;
    const columnX = (step) => left + cell / 2 + step * pitch;
    const place = (t) => {
      const phase = t % dilation;
      const x = start + cell / 2 + t * (cell + 3);
      return [mix(x, columnX(Math.floor(t / dilation))), mix(middle, top + high * (phase + 0.5))];
    };
    const colourAt = (t) => phaseColours[(t % dilation) % phaseColours.length];
    const rim = (1 - progress) * (cell / 2); // arcs begin at the rim of a cell, straight edges at its middle
    for (let t = 0; t + dilation < count; t++) {
      const [x, y] = place(t);
      const [toX, toY] = place(t + dilation);
      const aside = 0.25 * (toX - x);
      const arc = (1 - progress) * Math.min(90, 16 + 7 * dilation) * (1 - (0.4 * (t % dilation)) / dilation);
      context.beginPath();
      context.moveTo(x, y - rim);
      context.bezierCurveTo(x + aside, y - rim - arc, toX - aside, toY - rim - arc, toX, toY - rim);
      Object.assign(context, { strokeStyle: colourAt(t), lineWidth: 1.5, globalAlpha: 0.8 });
      context.stroke();
    }
    const size = mix(cell, Math.min(cell, high - 3));
    const font = Math.min(12, size * 0.55);
    for (let t = 0; t < count; t++) {
      const [x, y] = place(t);
      context.beginPath();
      context.roundRect(x - size / 2, y - size / 2, size, size, Math.min(5, size / 4));
      Object.assign(context, { fillStyle: colours.paper, globalAlpha: 1 });
      context.fill();
      Object.assign(context, { fillStyle: colourAt(t), globalAlpha: 0.3 });
      context.fill();
      Object.assign(context, { strokeStyle: colourAt(t), lineWidth: 1.3, globalAlpha: 1 });
      context.stroke();
      if (font >= 6) text(context, `${t}`, x, y, { size: font, weight: 600, colour: colours.ink, align: "center" });
    }
    context.globalAlpha = Math.max(0, 2 * progress - 1); // labels appear when the cells have left their place
    const small = { size: 11, colour: colours.muted };
    for (let phase = 0; phase < rows; phase += Math.ceil(12 / high)) {
      text(context, `phase ${phase}`, left - labels, place(phase)[1], small);
    }
    for (let step = 0; step < columns; step += Math.ceil(44 / pitch)) {
      text(context, `q = ${step}`, columnX(step), this.height - 12, { ...small, align: "center" });
    }
    context.globalAlpha = 1;
    return { count, rows, columns };
  }
}
