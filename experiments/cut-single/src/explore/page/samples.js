// What was exported: an index in the page, and one classic script a run and picture, loaded when it is looked at. Pages from
// file: may not fetch files, but scripts they may load.
"use strict";

const Samples = {
  index: pageData("explorer-index"),
  waiting: new Map(),
  loaded: new Map(),

  /** The scripts beside the page call this. */
  add(name, sample) {
    for (const layer of sample.layers) {
      layer.input = Samples.floats(layer.input);
      layer.output = Samples.floats(layer.output);
      layer.count = layer.grid[0] * layer.grid[1];
    }
    Samples.loaded.set(name, sample);
  },

  /** Little-endian f32 numbers from base64. */
  floats(text) {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    if (new Uint8Array(Uint16Array.of(1).buffer)[0] === 1) return new Float32Array(bytes.buffer);
    const view = new DataView(bytes.buffer);
    return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
  },

  /** A run's features of a picture. */
  load(run, picture) {
    const name = `${run}-${picture}`;
    if (!Samples.waiting.has(name)) {
      const load = new Promise((resolve, reject) => {
        const script = document.createElement("script");
        const file = `data/${name}.js`;
        script.src = file;
        script.onload = () => {
          script.remove();
          const sample = Samples.loaded.get(name);
          if (sample) resolve(sample);
          else reject(new Error(`${file} holds no features`));
        };
        script.onerror = () => reject(new Error(`${file} is missing: the page belongs to the folder data beside it`));
        document.head.append(script);
      });
      load.catch(() => Samples.waiting.delete(name));
      Samples.waiting.set(name, load);
    }
    return Samples.waiting.get(name);
  },
};
