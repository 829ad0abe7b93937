// One example of a trained net: arrays that Python computed, as base64, decoded here.
//
// Every value array is (H, T) bytes between its lowest and highest number; gradients are float32, (L, T) each.

function decoded(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

const floats = (text) => new Float32Array(decoded(text).buffer);

// The measured gradient as strengths for the picture: 1 for the largest, 0 for a ten-thousandth of it or less. The fusion
// layer is a part of the read-out: no norm is measured at its nodes, and they are drawn in full.
function measuredGradient({ steps, layers, gradient }) {
  const norms = Object.fromEntries(Object.entries(gradient).map(([name, text]) => [name, floats(text)]));
  const largest = [...norms.total, ...norms.input].reduce((a, b) => Math.max(a, b), 0);
  const shown = (norm) => (norm === null ? 1 : norm > 0 ? Math.max(0, 1 + Math.log10(norm / largest) / 4) : 0);
  const at = (name, [row, t]) =>
    row === 0 ? norms.input[t] : row > layers.length ? null : norms[name][(row - 1) * steps + t];
  const normOfEdge = ({ from, to }) => at(from[0] === to[0] ? "hops" : "upward", from);
  const normOfPlace = ({ place }) => at("total", place);
  return {
    normOfEdge,
    normOfPlace,
    ofEdge: (edge) => shown(normOfEdge(edge)),
    ofPlace: (reached) => shown(normOfPlace(reached)),
  };
}

// The states or a gate of one layer: time to the right, a row per unit. Blue is negative, orange positive; gates go from
// empty to full.
class ValuesView extends Surface {
  draw({ values, steps, colours, tints: [negative, positive], hover }) {
    const context = this.begin();
    const left = 46;
    const right = 14;
    const top = 8;
    const bottom = 34;
    Object.assign(this, { left, right, steps, values });
    if (!values) return;
    const bytes = decoded(values.data);
    const { units, lowest, highest } = values;
    const columns = bytes.length / units;
    const wide = this.width - left - right;
    const high = this.height - top - bottom;
    const cellX = (column) => Math.round(left + (wide * column) / columns);
    const cellY = (unit) => Math.round(top + (high * unit) / units);
    for (let unit = 0; unit < units; unit++) {
      for (let column = 0; column < columns; column++) {
        const value = lowest + (bytes[unit * columns + column] / 255) * (highest - lowest);
        const share = values.gate ? value : value / Math.max(Math.abs(lowest), Math.abs(highest), 1e-9);
        Object.assign(context, {
          fillStyle: share < 0 ? negative : positive,
          globalAlpha: Math.min(1, Math.abs(share)),
        });
        const x = cellX(column);
        const y = cellY(unit);
        context.fillRect(x, y, Math.max(1, cellX(column + 1) - x), cellY(unit + 1) - y);
      }
    }
    context.globalAlpha = 1;
    Object.assign(context, { strokeStyle: colours.line, lineWidth: 1 });
    context.strokeRect(left, top, wide, high);
    const small = { size: 11, colour: colours.muted };
    for (const t of ticks(0, steps - 1, wide / 50))
      text(context, `${t}`, this.x(t), this.height - bottom + 12, { ...small, align: "center" });
    text(context, "time step t", left + wide / 2, this.height - 8, { ...small, align: "center" });
    for (const unit of ticks(0, units - 1, high / 22))
      text(context, `${unit}`, left - 8, top + (high * (unit + 0.5)) / units, { ...small, align: "right" });
    if (hover !== null) {
      Object.assign(context, { strokeStyle: colours.ink, lineWidth: 1 });
      context.strokeRect(this.x(hover) - 1, top, 2, high);
    }
  }

  x(t) {
    return this.left + ((t + 0.5) / this.steps) * (this.width - this.left - this.right);
  }
  stepAt([x]) {
    return Math.max(
      0,
      Math.min(this.steps - 1, Math.floor(((x - this.left) / (this.width - this.left - this.right)) * this.steps)),
    );
  }
}
