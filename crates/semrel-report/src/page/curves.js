'use strict';
(() => {
  const HEIGHT = 260;
  const SHOWN = 8;
  /** Stands where a run has no value. */
  const NONE = '–';
  const groups = pageData('curve-data');
  const log = document.getElementById('curves-log');
  const smooth = document.getElementById('curves-smooth');
  const smoothText = document.getElementById('curves-smooth-value');
  const charts = [];

  /** An exponential mean that starts at the first value, not at zero; holes stay holes. */
  function smoothed(values, weight) {
    let mean = 0;
    let total = 0;
    return values.map((value) => {
      if (value === null) return null;
      mean = weight * mean + (1 - weight) * value;
      total = weight * total + (1 - weight);
      return mean / total;
    });
  }

  /** Place of the number next to `x` in an ascending list. */
  function nearest(list, x) {
    let [low, high] = [0, list.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle] < x) low = middle + 1; else high = middle;
    }
    return low > 0 && x - list[low - 1] < list[low] - x ? low - 1 : low;
  }

  /** What tells a run from all others; its label changes with the runs that stand beside it. */
  const nameOf = (run) => run.run ?? run.label;

  class Curves {
    constructor(figure) {
      this.group = groups[Number(figure.dataset.group)];
      this.figure = figure;
      const find = (selector) => figure.querySelector(selector);
      this.box = find('.plot');
      this.metric = find('select');
      this.slider = find('input[type=range]');
      this.step = find('.step');
      this.hint = find('.hint');
      this.details = find('details');
      this.key = `curves ${this.group.title} `;
      const metric = this.group.metrics.indexOf(kept.get(`${this.key}metric`));
      if (metric >= 0) this.metric.value = String(metric);
      const off = kept.get(`${this.key}off`, this.group.runs.slice(SHOWN).map(nameOf));
      this.on = this.group.runs.map((run) => !off.includes(nameOf(run)));
      // The step that is read; null is the last one, whichever that is when the runs have gone on.
      this.chosen = kept.get(`${this.key}step`, null);
      // First and last step of the part that is enlarged, if one is.
      this.enlarged = kept.get(`${this.key}range`, null);
      this.keys = this.group.runs.map((run, i) => this.makeKey(run, i));
      find('.keys').append(...this.keys.map((key) => element('li', {}, key.button)));
      this.metric.addEventListener('change', () => {
        kept.set(`${this.key}metric`, this.group.metrics[Number(this.metric.value)]);
        this.draw();
      });
      this.slider.addEventListener('input', () => {
        // After a refresh the slider may have the focus before there is a chart.
        if (!this.plot) return;
        this.choose(Number(this.slider.value));
        this.mark();
      });
      this.details.addEventListener('toggle', () => this.tabulate());
    }

    makeKey(run, i) {
      const value = element('span', { className: 'value number' });
      const button = element('button', { type: 'button', className: 'key' }, lineSample(i), element('span', { textContent: run.label }), value);
      button.setAttribute('aria-pressed', String(this.on[i]));
      button.addEventListener('click', () => {
        this.on[i] = !this.on[i];
        button.setAttribute('aria-pressed', String(this.on[i]));
        kept.set(`${this.key}off`, this.group.runs.filter((_, k) => !this.on[k]).map(nameOf));
        this.draw();
      });
      return { button, value };
    }

    /** The lines of the chosen metric: run, its curve, and what is drawn of it. */
    lines() {
      const at = Number(this.metric.value);
      const weight = Number(smooth.value);
      const positive = (value) => (log.checked && value !== null && value <= 0 ? null : value);
      this.hidden = false;
      return this.group.runs.flatMap((run, i) => {
        const curve = run.curves[at];
        if (!curve) return [];
        const clean = (list) => {
          const shown = list.map(positive);
          if (shown.some((value, k) => value !== list[k])) this.hidden = true;
          return shown;
        };
        const raw = clean(curve.v);
        return [{ i, run, x: curve.x, raw, v: clean(weight > 0 ? smoothed(curve.v, weight) : curve.v), range: curve.range?.map(clean) }];
      });
    }

    draw() {
      this.plot?.destroy();
      this.all = this.lines();
      const shown = this.all.filter((line) => this.on[line.i]);
      const weight = Number(smooth.value);
      const [series, tables, bands] = [[{}], [], []];
      for (const line of shown) {
        const stroke = () => colour(lineColour(line.i));
        const faint = () => colour(lineColour(line.i)).replace('rgb(', 'rgba(').replace(')', ', 0.22)');
        const main = { label: line.run.label, stroke, width: 2, dash: lineDash(line.i), points: { show: line.x.length < 3 } };
        if (line.range) {
          const edge = { stroke: () => 'transparent', width: 0, points: { show: false } };
          series.push(edge, edge);
          bands.push({ series: [series.length - 1, series.length - 2], fill: faint });
          tables.push([line.x, line.range[0], line.range[1], line.v]);
        } else if (weight > 0) {
          series.push({ stroke: faint, width: 1, points: { show: false } });
          tables.push([line.x, line.raw, line.v]);
        } else {
          tables.push([line.x, line.v]);
        }
        series.push(main);
      }
      const data = tables.length ? uPlot.join(tables) : [[]];
      this.x = data[0];
      this.plot = new uPlot({
        width: Math.max(this.box.clientWidth, 200),
        height: HEIGHT,
        legend: { show: false },
        cursor: { y: false, points: { size: 7 } },
        scales: { x: { time: false, ...this.range() }, y: { distr: log.checked ? 3 : 1 } },
        axes: [axis({ size: 34 }), axis({ size: 62 })],
        series,
        bands,
        hooks: {
          // Places are known only when the chart has its scales.
          ready: [() => { if (this.chosen !== null) this.mark(); }],
          setScale: [(plot, key) => { if (key === 'x' && plot.status === 1) this.enlarge(plot.scales.x); }],
          setCursor: [(plot) => { if (plot.cursor.idx !== null && plot.cursor.idx !== undefined) this.choose(plot.cursor.idx); }],
        },
      }, data, this.box);
      this.slider.max = String(Math.max(this.x.length - 1, 0));
      this.slider.disabled = this.x.length < 2;
      this.hint.hidden = !this.hidden;
      this.hint.textContent = this.hidden ? 'Values that are not above zero have no place on a logarithmic axis.' : '';
      this.read(this.place());
      this.tabulate();
    }

    /** The enlarged part as limits of a scale; none where the lines that are shown have next to nothing in it. */
    range() {
      const [min, max] = this.enlarged ?? [];
      return this.x.filter((step) => step >= min && step <= max).length > 1 ? { min, max } : {};
    }

    /** Keeps which part of the steps is enlarged. */
    enlarge({ min, max }) {
      this.enlarged = min <= this.x[0] && max >= this.x.at(-1) ? null : [min, max];
      kept.set(`${this.key}range`, this.enlarged);
    }

    /** Reads a place and keeps its step, for when the chart is drawn again or the page loaded again. */
    choose(place) {
      const step = place < this.x.length - 1 ? this.x[place] : null;
      if (step !== this.chosen) kept.set(`${this.key}step`, step);
      this.chosen = step;
      this.read(place);
    }

    /** Place of the chosen step, or of the next one to it. */
    place() {
      return this.chosen === null ? this.x.length - 1 : nearest(this.x, this.chosen);
    }

    /** Puts the line of the cursor, as the pointer would, where it is in sight. */
    mark() {
      const step = this.x[this.place()];
      if (step === undefined) return;
      const left = this.plot.valToPos(step, 'x');
      const seen = left >= 0 && left <= this.plot.over.clientWidth;
      this.plot.setCursor(seen ? { left, top: HEIGHT / 3 } : { left: -10, top: -10 }, false);
    }

    /** Value of a line next to a step; none before its first and after its last. */
    valueAt(line, step) {
      const inside = step >= line.x[0] && step <= line.x.at(-1);
      return inside ? line.v[nearest(line.x, step)] : null;
    }

    /** Shows the values at a place of the common steps. */
    read(place) {
      const step = this.x[place];
      if (step === undefined) return;
      this.slider.value = String(place);
      this.step.textContent = step.toLocaleString('en-GB');
      const words = [];
      this.keys.forEach((key, i) => {
        const line = this.all.find((other) => other.i === i);
        const value = line && readable(this.valueAt(line, step));
        key.value.textContent = line ? value || NONE : 'not logged';
        if (line && this.on[i]) words.push(`${line.run.label} ${value || 'no value'}`);
      });
      this.slider.setAttribute('aria-valuetext', `step ${step}: ${words.join(', ')}`);
    }

    tabulate() {
      const box = this.details.querySelector('div');
      if (!this.details.open || !this.all) return;
      const count = Math.min(12, this.x.length);
      const places = Array.from({ length: count }, (_, k) => Math.round((k * (this.x.length - 1)) / Math.max(count - 1, 1)));
      const lines = this.all.filter((line) => this.on[line.i]);
      const rows = places.map((place) => [this.x[place].toLocaleString('en-GB'), ...lines.map((line) => readable(this.valueAt(line, this.x[place])) || NONE)]);
      box.replaceChildren(textTable(['Step', ...lines.map((line) => line.run.label)], rows));
    }

    resize() {
      const width = Math.max(this.box.clientWidth, 200);
      if (this.plot && width !== this.plot.width) this.plot.setSize({ width, height: HEIGHT });
    }
  }

  if (!log) return;
  log.checked = kept.get('curves log', false);
  smooth.value = String(kept.get('curves smooth', 0));
  const drawn = () => charts.filter((chart) => chart.plot);
  const showWeight = () => { smoothText.textContent = smooth.value; };
  showWeight();
  for (const figure of document.querySelectorAll('figure.curves')) {
    const chart = new Curves(figure);
    charts.push(chart);
    whenNear(chart.box, () => chart.draw(), () => chart.resize());
  }
  log.addEventListener('change', () => { kept.set('curves log', log.checked); drawn().forEach((chart) => chart.draw()); });
  smooth.addEventListener('input', () => {
    kept.set('curves smooth', Number(smooth.value));
    showWeight();
    drawn().forEach((chart) => chart.draw());
  });
  document.addEventListener('themechange', () => drawn().forEach((chart) => chart.draw()));
})();
