// What all drawings share: a canvas that follows its size on the page, the colours of the theme, and short animations.

class Surface {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
  }

  // Clear the canvas, and return its context in CSS pixels.
  begin() {
    const { canvas, context } = this;
    const ratio = window.devicePixelRatio || 1;
    this.width = canvas.clientWidth;
    this.height = canvas.clientHeight;
    const width = Math.round(this.width * ratio);
    const height = Math.round(this.height * ratio);
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    context.lineJoin = context.lineCap = "round";
    return context;
  }

  // The position of a pointer event within the canvas.
  position(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }
}

// The colours of the theme, from the style sheet; systems and phases have the colours of all pictures of the library.
function themeColours() {
  const style = getComputedStyle(document.documentElement);
  const named = (name) => style.getPropertyValue(name).trim();
  return {
    ink: named("--ink"),
    muted: named("--muted"),
    line: named("--line"),
    paper: named("--card"),
    node: named("--node"),
  };
}

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

function text(context, words, x, y, { size = 12, weight = 400, colour, align = "left", halo } = {}) {
  context.font = `${weight} ${size}px ${FONT}`;
  context.textAlign = align;
  context.textBaseline = "middle";
  if (halo) {
    context.strokeStyle = halo;
    context.lineWidth = 4;
    context.strokeText(words, x, y);
  }
  context.fillStyle = colour;
  context.fillText(words, x, y);
}

// Numbers for an axis: at most `most` round numbers from 0 to `last`.
function ticks(first, last, most) {
  let step = 1;
  while ((last - first) / step > most)
    step = { 1: 2, 2: 5, 5: 10 }[step / 10 ** Math.floor(Math.log10(step))] * 10 ** Math.floor(Math.log10(step));
  const numbers = [];
  for (let n = Math.ceil(first / step) * step; n <= last; n += step) numbers.push(n);
  return numbers;
}

const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

// Call frame(progress) from 0 to 1; at once with 1 where the reader prefers reduced motion. Returns a function to stop.
function animate(milliseconds, frame) {
  if (calm.matches) {
    frame(1);
    return () => {};
  }
  const start = performance.now();
  let request = requestAnimationFrame(function step(now) {
    const progress = Math.min(1, Math.max(0, now - start) / milliseconds);
    frame(progress * progress * (3 - 2 * progress));
    if (progress < 1) request = requestAnimationFrame(step);
  });
  return () => cancelAnimationFrame(request);
}
