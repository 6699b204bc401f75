'use strict';
// What all charts share: colours that follow the theme, numbers, and settings that survive a refresh.

/** A colour of the style sheet, as the canvas needs it: resolved for the theme that is on. */
const colour = (() => {
  const probe = document.createElement('span');
  probe.hidden = true;
  document.body.append(probe);
  return (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
})();

const COLOURS = 8;
const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3]];

/** Colour of the i-th line. */
const lineColour = (i) => `--c${i % COLOURS}`;

/** Dashes of the i-th line: no two lines differ in colour alone, and lines of one colour differ in dashes. */
const lineDash = (i) => DASHES[(i + Math.floor(i / COLOURS)) % DASHES.length];

/** A number in at most four digits. */
function readable(value) {
  if (value === null || value === undefined) return '';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(2).replace('e+', 'e');
  return String(Number(value.toPrecision(4)));
}

/** Settings that are kept while the window is open. */
const kept = {
  get(key, otherwise) {
    try { return JSON.parse(sessionStorage.getItem(key)) ?? otherwise; } catch { return otherwise; }
  },
  set(key, value) {
    try { sessionStorage.setItem(key, JSON.stringify(value)); } catch { /* not kept */ }
  },
};

/** An element with properties and children. */
function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** A sample of a line, for its key. */
function lineSample(i, point = false) {
  const dash = lineDash(i).join(' ');
  const fill = point && i % 2 === 0 ? `var(${lineColour(i)})` : 'none';
  const mark = point ? `<circle cx="14" cy="6" r="3.5" fill="${fill}" stroke="var(${lineColour(i)})" stroke-width="1.5"/>` : '';
  const box = element('span', { className: 'sample' });
  box.innerHTML = `<svg width="28" height="12" aria-hidden="true"><line x1="0" x2="28" y1="6" y2="6" stroke="var(${lineColour(i)})" stroke-width="2" stroke-dasharray="${dash}"/>${mark}</svg>`;
  return box;
}

/** A table of texts: head, then rows, of which the first column are headings. */
function textTable(head, rows) {
  const cells = (row) => row.map((text, i) => element(i ? 'td' : 'th', i ? { className: 'n', textContent: text } : { scope: 'row', textContent: text }));
  return element('table', {},
    element('thead', {}, element('tr', {}, ...head.map((text, i) => element('th', { scope: 'col', className: i ? 'n' : '', textContent: text })))),
    element('tbody', {}, ...rows.map((row) => element('tr', {}, ...cells(row)))));
}

/** Axes in the colours of the theme. */
function axis(options) {
  return {
    stroke: () => colour('--soft'),
    font: '12px system-ui, sans-serif',
    labelFont: '12px system-ui, sans-serif',
    grid: { stroke: () => colour('--line'), width: 1 },
    ticks: { stroke: () => colour('--line'), width: 1, size: 4 },
    values: (_, splits) => splits.map(readable),
    ...options,
  };
}

/** Calls `build` when an element comes near the window, and `resize` when its width changes. */
function whenNear(box, build, resize) {
  const near = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    near.disconnect();
    build();
    new ResizeObserver(() => resize()).observe(box);
  }, { rootMargin: '600px' });
  near.observe(box);
}

for (const time of document.querySelectorAll('time[data-seconds]')) {
  const date = new Date(Number(time.dataset.seconds) * 1000);
  time.dateTime = date.toISOString();
  time.textContent = date.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
}
for (const details of document.querySelectorAll('details[id]')) {
  if (kept.get(`open ${details.id}`, false)) details.open = true;
  details.addEventListener('toggle', () => kept.set(`open ${details.id}`, details.open));
}
