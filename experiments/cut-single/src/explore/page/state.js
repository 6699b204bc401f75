// What is looked at, and what follows from it: the numbers of the query patch in every layer.
"use strict";

const State = {
  run: 0,
  picture: 0,
  /** Index into the layers; one from the middle at first. */
  layer: null,
  /** The query in the picture, 0..1 from left and top. */
  x: 0.5,
  y: 0.5,
  held: false,
  /** Another place where the maps are read while the query is held, likewise. */
  probe: null,
  gamma: 1,
  byHand: false,
  /** Index into the run's curriculum while it is followed; null where there is none. */
  epoch: null,
  sample: null,
  results: [],

  settings() {
    return Samples.index.runs[State.run];
  },

  /** Position of (x, y) on a layer's grid, row by row. */
  patch(layer, x = State.x, y = State.y) {
    const [rows, columns] = layer.grid;
    const cell = (at, count) => Math.min(count - 1, Math.max(0, Math.floor(at * count)));
    return cell(y, rows) * columns + cell(x, columns);
  },

  /** The middle of a patch of the current layer; of the next one to it where there is none. */
  middle(row, column) {
    const inside = (at, count) => (Math.min(count - 1, Math.max(0, at)) + 0.5) / count;
    const [rows, columns] = State.sample.layers[State.layer].grid;
    return { x: inside(column, columns), y: inside(row, rows) };
  },

  /** Puts the query on a patch of the current layer. */
  at(row, column) {
    Object.assign(State, State.middle(row, column));
  },

  /** Moves what is looked at by patches of the current layer: the query, or the probe while the query is held. */
  step(down, right) {
    const layer = State.sample.layers[State.layer];
    const { x, y } = State.probe ?? State;
    const k = State.patch(layer, x, y);
    const to = State.middle(Math.floor(k / layer.grid[1]) + down, (k % layer.grid[1]) + right);
    if (State.held) State.probe = to;
    else Object.assign(State, to);
  },

  /** γ of an epoch of the run's curriculum; where it has none, the run's only γ. */
  follow(epoch) {
    const { curriculum, gamma } = State.settings();
    State.byHand = false;
    State.epoch = curriculum.length ? Math.min(curriculum.length - 1, Math.max(0, epoch)) : null;
    State.gamma = State.epoch === null ? gamma : curriculum[State.epoch][1];
  },

  /** Another γ. */
  take(gamma) {
    State.byHand = true;
    State.gamma = gamma;
  },

  /** Rooms for the numbers of a sample's layers. */
  open(sample) {
    State.sample = sample;
    State.layer = Math.min(State.layer ?? sample.layers.length >> 1, sample.layers.length - 1);
    const room = (n) => new Float64Array(n);
    State.results = sample.layers.map(({ count: n }) => ({
      k: 0, s: room(n), p: room(n), logP: room(n), t: room(n), q: room(n), logQ: room(n), terms: room(n), w: room(n), jsd: 0,
    }));
  },

  compute() {
    State.sample.layers.forEach((layer, l) => {
      const r = State.results[l];
      r.k = State.patch(layer);
      Relation.distribution(Relation.similarities(layer.input, layer.width[0], r.k, r.s), r.p, r.logP);
      Relation.distribution(Relation.similarities(layer.output, layer.width[1], r.k, r.t), r.q, r.logQ);
      r.jsd = Relation.divergence(r.p, r.logP, r.q, r.logQ, r.terms);
      if (l === State.layer) Relation.weights(r.s, r.k, State.gamma, State.settings().rule, r.w);
    });
  },
};
