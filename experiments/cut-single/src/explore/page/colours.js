// Viridis: lightness grows evenly, and it reads the same with the common kinds of colour blindness.
"use strict";

const Colours = {
  /** 256 colours as the bytes of RGBA pixels, low to high. */
  table: (() => {
    const anchors = [
      "440154", "481a6c", "472f7d", "414487", "39568c", "31688e", "2a788e", "23888e",
      "1f988b", "22a884", "35b779", "54c568", "7ad151", "a5db36", "d2e21b", "fde725",
    ].map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
    const bytes = new Uint8Array(256 * 4);
    for (let i = 0; i < 256; i++) {
      const place = (i / 255) * (anchors.length - 1);
      const left = Math.min(Math.floor(place), anchors.length - 2);
      for (let c = 0; c < 3; c++) {
        bytes[4 * i + c] = Math.round(anchors[left][c] + (anchors[left + 1][c] - anchors[left][c]) * (place - left));
      }
      bytes[4 * i + 3] = 255;
    }
    return new Uint32Array(bytes.buffer);
  })(),

  /** Paints values row by row on a canvas of one pixel a position; NaN is left clear. */
  paint(canvas, [rows, columns], values, [low, high]) {
    if (canvas.width !== columns || canvas.height !== rows || !canvas.image) {
      canvas.width = columns;
      canvas.height = rows;
      canvas.context = canvas.getContext("2d");
      canvas.image = canvas.context.createImageData(columns, rows);
      canvas.pixels = new Uint32Array(canvas.image.data.buffer);
    }
    const scale = high > low ? 255 / (high - low) : 0;
    for (let i = 0; i < values.length; i++) {
      const v = values[i];
      const step = (v - low) * scale;
      canvas.pixels[i] = v === v ? Colours.table[step <= 0 ? 0 : step >= 255 ? 255 : (step + 0.5) | 0] : 0;
    }
    canvas.context.putImageData(canvas.image, 0, 0);
  },

  /** The legend's bar. */
  legend(canvas) {
    const ramp = Float64Array.from({ length: 256 }, (_, i) => i);
    Colours.paint(canvas, [1, 256], ramp, [0, 255]);
  },
};
