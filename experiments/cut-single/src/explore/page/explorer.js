// Events, and what tests and the console may ask.
"use strict";

const semrelExplorer = (() => {
  const element = View.element;
  let waiting = 0;

  /** Repaints once before the next frame, however many events there were. */
  const dirty = () => {
    waiting ||= requestAnimationFrame(() => {
      waiting = 0;
      if (State.sample) View.repaint();
    });
  };

  const problem = (text) => View.text("problem", text);

  const pictures = (sample) => {
    for (const surface of document.querySelectorAll(".surface")) {
      const translated = surface.id === "output" || surface.id === "q";
      surface.querySelector("img").src = translated ? sample.output : sample.input;
      surface.style.aspectRatio = `${sample.size[0]} / ${sample.size[1]}`;
    }
    const [method, picture] = [Samples.index.runs[State.run].label, Samples.index.pictures[State.picture]];
    element("input-picture").alt = `${picture}, as it enters the generator`;
    element("output-picture").alt = `${picture}, translated by ${method}`;
  };

  const layerButtons = (sample) => {
    element("layers").replaceChildren(...sample.layers.map((layer, l) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "layer";
      const canvas = () => {
        const map = document.createElement("canvas");
        map.setAttribute("aria-hidden", "true");
        return map;
      };
      const line = (name, text) => {
        const span = document.createElement("span");
        span.className = name;
        span.textContent = text;
        return span;
      };
      button.append(canvas(), canvas(), line("name", `layer ${layer.layer}: ${layer.map.join(" × ")}`), line("jsd", ""));
      button.addEventListener("click", () => chooseLayer(l));
      return button;
    }));
  };

  const chooseLayer = (l) => {
    State.layer = l;
    [...element("layers").children].forEach((button, i) => button.setAttribute("aria-pressed", String(i === l)));
    const chosen = element("layers").children[l];
    element("layers").scrollLeft = chosen.offsetLeft - element("layers").offsetLeft - 40;
    const { map, grid } = State.sample.layers[l];
    const [all, shown] = [map, grid].map((sides) => sides.join(" × "));
    View.text("positions-note", all === shown ? "" : `Layer ${State.sample.layers[l].layer} has ${all} positions, of which a grid of ${shown} is compared.`);
    dirty();
  };

  /** Words that depend on the run. */
  const words = () => {
    const run = State.settings();
    View.text("about", `${run.label}: ${run.about}`);
    View.text("weights-note", run.weights_note);
    View.text("rule", run.rule_note);
    View.text("patches", String(run.num_patches));
    View.text("most", String(Samples.index.positions));
    View.text("heads", run.heads_note);
  };

  const hold = (held) => {
    State.held = held;
    State.probe = null;
    document.querySelector(".panels").classList.toggle("held", held);
    element("hold").setAttribute("aria-pressed", String(held));
    dirty();
  };

  /** Shows a run and a picture; resolves when they are painted. */
  const select = async ({ run = State.run, picture = State.picture, layer = State.layer } = {}) => {
    Object.assign(State, { run, picture });
    element("method").value = run;
    element("picture").value = picture;
    let sample;
    try {
      sample = await Samples.load(run, picture);
    } catch (error) {
      problem(error.message);
      return;
    }
    if (State.run !== run || State.picture !== picture) return; // Another was chosen meanwhile.
    problem("");
    State.layer = layer;
    State.open(sample);
    // The same part of training; the last epoch at first.
    const epochs = State.settings().curriculum.length;
    const done = State.epoch === null ? 1 : State.epoch / Math.max(1, State.epochs - 1);
    if (!State.byHand) State.follow(Math.round(done * (epochs - 1)));
    State.epochs = epochs;
    pictures(sample);
    layerButtons(sample);
    words();
    chooseLayer(State.layer);
    View.repaint();
  };

  const place = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const inside = (at) => Math.min(1 - 1e-9, Math.max(0, at));
    return { x: inside((event.clientX - box.left) / box.width), y: inside((event.clientY - box.top) / box.height) };
  };

  const move = (event) => {
    if (!State.sample) return;
    if (State.held) State.probe = place(event);
    else Object.assign(State, place(event));
    dirty();
  };

  const keys = (event) => {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (!State.sample) return;
    if (event.key === "Enter" || event.key === " ") hold(!State.held);
    else if (steps[event.key]) {
      const by = event.shiftKey ? 4 : 1;
      State.step(...steps[event.key].map((patches) => patches * by));
      dirty();
    } else return;
    event.preventDefault();
  };

  for (const surface of document.querySelectorAll(".surface")) {
    surface.addEventListener("pointermove", move);
    surface.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse") hold(!State.held);
      else move(event);
    });
    surface.addEventListener("pointerleave", (event) => {
      // A finger that is lifted leaves, too: what it has read stays.
      if (event.pointerType !== "mouse") return;
      State.probe = null;
      if (State.held) dirty();
    });
    if (surface.tabIndex === 0) surface.addEventListener("keydown", keys);
  }
  element("hold").addEventListener("click", () => hold(!State.held));
  document.querySelector(".stage").addEventListener("keydown", (event) => {
    if (event.key === "Escape") hold(false);
  });
  for (const ramp of document.querySelectorAll(".ramp")) Colours.legend(ramp);

  element("gamma").addEventListener("input", (event) => {
    State.take(Gamma.value(Number(event.target.value)));
    dirty();
  });
  element("epoch").addEventListener("input", (event) => {
    State.follow(Number(event.target.value));
    dirty();
  });
  element("follow").addEventListener("click", () => {
    State.follow(Number(element("epoch").value));
    element("epoch").focus();
    dirty();
  });
  element("under").addEventListener("change", (event) => {
    document.querySelector(".panels").classList.toggle("blended", event.target.checked);
  });
  const options = (id, labels) => {
    element(id).replaceChildren(...labels.map((label, i) => new Option(label, i)));
    element(id).addEventListener("change", (event) => select({ [id === "method" ? "run" : "picture"]: Number(event.target.value) }));
  };
  options("method", Samples.index.runs.map((run) => run.label));
  options("picture", Samples.index.pictures);

  return {
    /** Scripts beside the page bring their features by it. */
    add: Samples.add,
    ready: Promise.resolve().then(() => select()),
    select,
    /** Puts the query on a patch of the current layer, with a γ if one is given, and paints. */
    query(row, column, gamma) {
      State.at(row, column);
      if (gamma !== undefined) State.take(gamma);
      View.repaint();
    },
    /** The numbers behind the maps of the current layer. */
    values() {
      const layer = State.sample.layers[State.layer];
      const r = State.results[State.layer];
      return {
        layer: layer.layer, map: layer.map, grid: layer.grid, rows: layer.rows, columns: layer.columns, k: r.k,
        p: [...r.p], q: [...r.q], jsd: r.jsd, mean: layer.mean_divergence, gamma: State.gamma,
        // The query is no negative of itself.
        weights: [...r.w].map((w) => (w === w ? w : null)),
      };
    },
    /** How long repainting takes, in milliseconds. */
    repaints() {
      return { median: View.median(), count: View.durations.length };
    },
  };
})();
