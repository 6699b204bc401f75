'use strict';
(() => {
  const HEIGHT = 320;
  /** Pixels within which the pointer means a point. */
  const NEAR = 40;
  const groups = pageData('front-data');

  class Front {
    constructor(figure) {
      this.group = groups[Number(figure.dataset.group)];
      this.timed = this.group.axis === 'milliseconds';
      const find = (selector) => figure.querySelector(selector);
      this.box = find('.plot');
      this.slider = find('input');
      this.readout = find('.readout');
      this.points = this.group.searches.flatMap((search, i) => search.points.map((point) => ({ ...point, i })));
      this.points.sort((a, b) => a.cost - b.cost);
      find('.keys').append(...this.group.searches.map((search, i) => {
        const budget = search.budget ? `, budget ${this.amount(search.budget)}` : '';
        const text = `${search.label}, ${search.points.length} configurations${budget}`;
        return element('li', { className: 'key' }, lineSample(i, true), element('span', { textContent: text }));
      }));
      this.slider.max = String(this.points.length - 1);
      this.slider.addEventListener('input', () => this.choose(Number(this.slider.value)));
      this.mark = element('div', { className: 'front-mark', hidden: true });
      this.tabulate(find('details .scroll'));
      // What the reader has chosen; else the winner, whichever that is when the search has gone on.
      this.key = `front ${this.group.title} ${this.group.over} point`;
      const name = kept.get(this.key, null);
      const chosen = this.points.findIndex((point) => this.nameOf(point) === name);
      this.winner = Math.max(this.points.findIndex((point) => point.winner), 0);
      this.chosen = chosen >= 0 ? chosen : this.winner;
      // Before the chart is drawn, so that its room is taken and nothing moves then.
      this.tell(this.points[this.chosen]);
    }

    /** What tells a configuration from all others. */
    nameOf(point) {
      return `${this.group.searches[point.i].label} ${point.channels}`;
    }

    /** A cost with its unit. */
    amount(cost) {
      return this.timed ? `${readable(cost)} ms` : counted(cost);
    }

    draw() {
      this.plot?.destroy();
      const x = this.points.map((point) => point.cost);
      const [series, columns] = [[{}], [x]];
      const column = (keep) => this.points.map((point) => (keep(point) ? point.quality : null));
      this.group.searches.forEach((_, i) => {
        const stroke = () => colour(lineColour(i));
        // Of two searches, the points of one are full and those of the other hollow.
        const fill = () => (i % 2 === 0 ? colour(lineColour(i)) : colour('--raised'));
        const points = (size) => ({ show: true, size, fill, stroke, width: 1.5 });
        const none = () => null;
        series.push(
          { stroke, paths: none, points: points(6) },
          { stroke, width: 2, dash: lineDash(i), spanGaps: true, points: points(8) },
          { stroke, paths: none, points: { show: true, size: 17, fill: 'transparent', stroke, width: 2.5 } },
        );
        columns.push(
          column((point) => point.i === i && !point.front),
          column((point) => point.i === i && point.front),
          column((point) => point.i === i && point.winner),
        );
      });
      const wide = (_, low, high) => { const room = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1; return [low - room, high + room]; };
      this.plot = new uPlot({
        width: Math.max(this.box.clientWidth, 200),
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: true, x: false, y: false, points: { show: false }, drag: { x: false, y: false } },
        scales: { x: { time: false, range: wide }, y: { range: wide } },
        axes: [axis({ size: 34, label: this.group.over, labelSize: 20, values: (_, splits) => splits.map(this.timed ? readable : counted) }), axis({ size: 58, label: `${this.group.quality} ${this.group.more_is_better ? '↑' : '↓'}`, labelSize: 22 })],
        series,
        hooks: { draw: [(plot) => this.drawBudgets(plot)], ready: [(plot) => this.ready(plot)] },
      }, columns, this.box);
    }

    /** Places are known only when the chart has its scales. */
    ready(plot) {
      this.plot = plot;
      plot.over.append(this.mark);
      plot.over.addEventListener('mousemove', (event) => this.hover(event));
      this.show(this.chosen);
    }

    drawBudgets(plot) {
      const budgets = new Set(this.group.searches.map((search) => search.budget).filter(Boolean));
      for (const budget of budgets) {
        const left = plot.valToPos(budget, 'x', true);
        if (left < plot.bbox.left || left > plot.bbox.left + plot.bbox.width) continue;
        plot.ctx.save();
        plot.ctx.strokeStyle = colour('--soft');
        plot.ctx.lineWidth = devicePixelRatio;
        plot.ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
        plot.ctx.beginPath();
        plot.ctx.moveTo(left, plot.bbox.top);
        plot.ctx.lineTo(left, plot.bbox.top + plot.bbox.height);
        plot.ctx.stroke();
        plot.ctx.restore();
      }
    }

    place(point) {
      return [this.plot.valToPos(point.cost, 'x'), this.plot.valToPos(point.quality, 'y')];
    }

    hover(event) {
      const box = this.plot.over.getBoundingClientRect();
      let [best, least] = [-1, NEAR];
      this.points.forEach((point, k) => {
        const [left, top] = this.place(point);
        const distance = Math.hypot(left - (event.clientX - box.left), top - (event.clientY - box.top));
        if (distance < least) [best, least] = [k, distance];
      });
      if (best >= 0) this.choose(best);
    }

    /** Shows a configuration, also when the page is loaded again. */
    choose(place) {
      // After a refresh the slider may have the focus before there is a chart.
      if (!this.plot) return;
      kept.set(this.key, place === this.winner ? null : this.nameOf(this.points[place]));
      this.show(place);
    }

    /** Shows a configuration: its place in the chart, and what it is. */
    show(place) {
      const point = this.points[place];
      this.chosen = place;
      this.slider.value = String(place);
      const [left, top] = this.place(point);
      Object.assign(this.mark.style, { left: `${left}px`, top: `${top}px` });
      this.mark.hidden = false;
      this.tell(point);
    }

    /** What a configuration is, in words. */
    tell(point) {
      const facts = this.facts(point);
      this.readout.replaceChildren(...facts.map(([name, text]) => element('div', {}, element('dt', { textContent: name }), element('dd', { textContent: text }))));
      this.slider.setAttribute('aria-valuetext', facts.map((fact) => fact.join(' ')).join(', '));
    }

    facts(point) {
      const facts = [
        ['Configuration', point.channels.replaceAll('_', ' ')],
        ['Search', this.group.searches[point.i].label],
        [this.group.quality, readable(point.quality)],
        ['Multiply-accumulates', counted(point.macs)],
        ['Parameters', counted(point.parameters)],
      ];
      if (point.milliseconds !== undefined) facts.push(['Time', `${readable(point.milliseconds)} ms`]);
      facts.push(['Standing', point.winner ? 'chosen' : point.front ? 'on the front' : 'not on the front']);
      return facts;
    }

    tabulate(box) {
      const rows = this.points.filter((point) => point.front || point.winner).map((point) => [
        point.channels.replaceAll('_', ' '), this.group.searches[point.i].label, readable(point.quality),
        ...(this.timed ? [this.amount(point.cost)] : []), counted(point.macs), counted(point.parameters), point.winner ? 'yes' : '',
      ]);
      box.append(textTable(['Configuration', 'Search', this.group.quality, ...(this.timed ? ['Time'] : []), 'Multiply-accumulates', 'Parameters', 'Chosen'], rows));
    }

    resize() {
      const width = Math.max(this.box.clientWidth, 200);
      if (!this.plot || width === this.plot.width) return;
      this.plot.setSize({ width, height: HEIGHT });
      this.show(this.chosen);
    }
  }

  /** A count with its unit: 1.25 G. */
  function counted(value) {
    const unit = [[1e9, ' G'], [1e6, ' M'], [1e3, ' k']].find(([size]) => Math.abs(value) >= size);
    return unit ? `${readable(value / unit[0])}${unit[1]}` : readable(value);
  }

  for (const figure of document.querySelectorAll('figure.front')) {
    const front = new Front(figure);
    whenNear(front.box, () => front.draw(), () => front.resize());
    document.addEventListener('themechange', () => { if (front.plot) front.draw(); });
  }
})();
