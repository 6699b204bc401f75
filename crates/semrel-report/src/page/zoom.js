'use strict';
(() => {
  const dialog = document.getElementById('zoom');
  const picture = document.getElementById('zoom-picture');
  const stage = dialog.querySelector('.zoom-stage');
  const title = document.getElementById('zoom-title');
  const button = (name) => document.getElementById(`zoom-${name}`);
  let [list, place, scale] = [[], 0, 1];

  /** The largest whole multiple that fits: pixels stay square. A picture that is larger than the window is made to fit. */
  function fitting(image) {
    const most = Math.min(stage.clientWidth / image.width, stage.clientHeight / image.height);
    return most >= 1 ? Math.floor(most) : most;
  }

  function show() {
    const image = list[place].querySelector('img');
    const [width, height] = ['width', 'height'].map((name) => Number(image.getAttribute(name)));
    picture.src = image.src;
    picture.alt = image.alt;
    picture.style.width = `${Math.round(width * scale)}px`;
    picture.style.height = `${Math.round(height * scale)}px`;
    const caption = list[place].closest('figure').querySelector('figcaption').textContent;
    title.textContent = `${caption} (${place + 1} of ${list.length}, ${Number(scale.toFixed(2))} times)`;
    button('less').disabled = scale <= 0.25;
    button('more').disabled = scale >= 16;
  }

  function go(to) {
    place = (to + list.length) % list.length;
    const image = list[place].querySelector('img');
    scale = fitting({ width: Number(image.getAttribute('width')), height: Number(image.getAttribute('height')) });
    show();
  }

  function resize(step) {
    // Between whole multiples, and by halves below.
    const next = step > 0 ? (scale < 1 ? Math.min(scale * 2, 1) : Math.floor(scale) + 1) : (scale <= 1 ? scale / 2 : Math.ceil(scale) - 1);
    scale = Math.min(Math.max(next, 0.25), 16);
    show();
  }

  document.addEventListener('click', (event) => {
    const opener = event.target.closest('button.zoom');
    if (!opener) return;
    list = [...opener.closest('.gallery').querySelectorAll('button.zoom')];
    dialog.showModal();
    go(list.indexOf(opener));
    button('close').focus();
  });
  button('back').addEventListener('click', () => go(place - 1));
  button('next').addEventListener('click', () => go(place + 1));
  button('less').addEventListener('click', () => resize(-1));
  button('more').addEventListener('click', () => resize(1));
  button('close').addEventListener('click', () => dialog.close());
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener('keydown', (event) => {
    const scrolls = event.target === stage && stage.scrollWidth > stage.clientWidth;
    const actions = {
      ArrowLeft: () => go(place - 1), ArrowRight: () => go(place + 1), '+': () => resize(1), '=': () => resize(1), '-': () => resize(-1),
    };
    const action = actions[event.key];
    if (!action || (scrolls && event.key.startsWith('Arrow'))) return;
    event.preventDefault();
    action();
  });
})();
