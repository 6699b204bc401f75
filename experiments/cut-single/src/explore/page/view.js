// The state on the page.
"use strict";

const View = {
  element: (id) => document.getElementById(id),
  durations: [],

  /** Numbers as people read them. */
  number(value, digits = 3) {
    if (!(value === value)) return "–";
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e5)) {
      const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
      const raised = exponent.replace("+", "").replace(/./g, (c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]);
      return `${mantissa}·10${raised}`;
    }
    return Number(value.toPrecision(digits)).toString();
  },

  text(id, text) {
    const element = View.element(id);
    if (element.textContent !== text) element.textContent = text;
  },

  /** Everything that follows the query, timed. */
  repaint() {
    const began = performance.now();
    State.compute();
    View.maps();
    View.layers();
    View.numbers();
    View.durations.push(performance.now() - began);
    if (View.durations.length > 500) View.durations.shift();
    // The first few are those of a page that is not warm yet.
    if (View.durations.length >= 10) View.text("n-repaint", `${View.median().toFixed(1)} ms`);
    View.announce();
  },

  median() {
    const sorted = [...View.durations].sort((a, b) => a - b);
    return sorted.length ? sorted[sorted.length >> 1] : NaN;
  },

  maps() {
    const layer = State.sample.layers[State.layer];
    const r = State.results[State.layer];
    const map = (id, values, range, unit, show) => {
      Colours.paint(View.element(id).querySelector("canvas"), layer.grid, values, range);
      View.text(`${id}-low`, show(range[0] * unit));
      View.text(`${id}-high`, show(range[1] * unit));
    };
    // One scale for both; the query, which is the most like itself, would stretch it.
    const [a, b] = Relation.range(r.p, r.k);
    const [c, d] = Relation.range(r.q, r.k);
    const scale = [Math.min(a, c), Math.max(b, d)];
    // As many digits as tell the ends apart.
    const spread = (scale[1] - scale[0]) * layer.count;
    const digits = Math.min(6, Math.max(2, 1 - Math.floor(Math.log10(spread || 1))));
    const uniform = (value) => `${value.toFixed(digits)}/N`;
    map("p", r.p, scale, layer.count, uniform);
    map("q", r.q, scale, layer.count, uniform);
    map("weights", r.w, State.settings().rule === "paper" ? Relation.range(r.w) : [Math.min(0.999, Relation.range(r.w)[0]), 1], 1, View.number);
    map("jsd", r.terms, [0, Relation.range(r.terms)[1]], 1, View.number);
    const [rows, columns] = layer.grid;
    const place = { left: r.k % columns / columns, top: Math.floor(r.k / columns) / rows, width: 1 / columns, height: 1 / rows };
    for (const mark of document.querySelectorAll(".mark")) {
      for (const side in place) mark.style[side] = `${place[side] * 100}%`;
    }
  },

  layers() {
    State.sample.layers.forEach((layer, l) => {
      const r = State.results[l];
      const [a, b] = Relation.range(r.p, r.k);
      const [c, d] = Relation.range(r.q, r.k);
      const button = View.element("layers").children[l];
      const [p, q] = button.querySelectorAll("canvas");
      Colours.paint(p, layer.grid, r.p, [Math.min(a, c), Math.max(b, d)]);
      Colours.paint(q, layer.grid, r.q, [Math.min(a, c), Math.max(b, d)]);
      button.querySelector(".jsd").textContent = `JSD ${View.number(r.jsd, 2)}`;
    });
  },

  numbers() {
    const layer = State.sample.layers[State.layer];
    const r = State.results[State.layer];
    const columns = layer.grid[1];
    const place = (i) => `(${Math.floor(i / columns) + 1}, ${i % columns + 1})`;
    const most = (values) => {
      let best = -1;
      for (let i = 0; i < values.length; i++) if (i !== r.k && (best < 0 || values[i] > values[best])) best = i;
      return best < 0 ? "–" : `${(values[best] * layer.count).toFixed(2)}/N at ${place(best)}`;
    };
    const [low, high] = Relation.range(r.w);
    View.text("n-patch", `${place(r.k)} of ${layer.grid[0]} × ${columns}`);
    View.text("n-jsd", `${View.number(r.jsd)} nats`);
    View.text("n-mean", `${View.number(layer.mean_divergence)} nats`);
    View.text("n-p", most(r.p));
    View.text("n-q", most(r.q));
    View.text("n-weights", `${View.number(low)} to ${View.number(high)}`);
    View.text("n-effective", `${View.number(Relation.effective(r.w))} of ${layer.count - 1}`);
    View.probe(layer, r);
    View.gamma();
  },

  /** What the maps hold at the probe, and its mark. */
  probe(layer, r) {
    const marks = document.querySelectorAll(".probe-mark");
    for (const mark of marks) mark.hidden = !State.probe;
    if (!State.probe) {
      View.text("n-probe", State.held ? "Held. Touch or point at another patch, or use the arrow keys, to read it." : "");
      return;
    }
    const [rows, columns] = layer.grid;
    const i = State.patch(layer, State.probe.x, State.probe.y);
    const [row, column] = [Math.floor(i / columns), i % columns];
    const place = { left: (column + 0.5) / columns, top: (row + 0.5) / rows, width: 1 / columns };
    for (const mark of marks) {
      for (const side in place) mark.style[side] = `${place[side] * 100}%`;
    }
    const uniform = (value) => `${(value * layer.count).toFixed(2)}/N`;
    View.text("n-probe", `Row ${row + 1}, column ${column + 1}: P ${uniform(r.p[i])}, Q ${uniform(r.q[i])}, w ${View.number(r.w[i])}`);
  },

  gamma() {
    const { gamma, epoch, byHand } = State;
    const steps = State.settings().curriculum;
    View.text("gamma-value", `${View.number(gamma)} (the paper's γ: ${View.number(1 / gamma)})`);
    const slider = View.element("gamma");
    slider.value = Gamma.place(gamma);
    slider.setAttribute("aria-valuetext", View.element("gamma-value").textContent);
    View.element("curriculum").hidden = !steps.length;
    if (!steps.length) return;
    const shown = Math.min(epoch ?? steps.length - 1, steps.length - 1);
    const [number, scheduled] = steps[shown];
    View.element("epoch").max = steps.length - 1;
    View.element("epoch").value = shown;
    const share = Math.round((number / steps[steps.length - 1][0]) * 100);
    View.text("epoch-value", `${number} of ${steps[steps.length - 1][0]} (${share} %): γ ${View.number(scheduled)}`);
    View.element("epoch").setAttribute("aria-valuetext", View.element("epoch-value").textContent);
    View.text("follows", byHand ? "γ by hand" : "γ by the curriculum");
    View.element("follow").hidden = !byHand;
  },

  /** Tells a screen reader, at most once a second. */
  announce() {
    if (View.timer) return;
    View.timer = setTimeout(() => {
      View.timer = null;
      const text = ["n-patch", "n-jsd", "n-p", "n-q"].map((id) => View.element(id).textContent);
      View.text("live", `Patch at row and column ${text[0]}. Divergence ${text[1]}. Most alike: in the input ${text[2]}, in the output ${text[3]}.`);
    }, 1000);
  },
};

/** γ on a slider of a thousand steps, logarithmic. */
const Gamma = {
  low: Math.log(0.02),
  high: Math.log(200),
  place: (gamma) => Math.round(((Math.log(gamma) - Gamma.low) / (Gamma.high - Gamma.low)) * 1000),
  value: (place) => Number(Math.exp(Gamma.low + (place / 1000) * (Gamma.high - Gamma.low)).toPrecision(3)),
};
