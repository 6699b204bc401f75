'use strict';
// Asks the server now and then which version it has, and loads that one. Settings are kept by the charts themselves.
(() => {
  const PERIOD = 1500;
  // How long what was pointed at is read, and what was chosen by keys: to hear it takes longer than to see it.
  const [POINTED, CHOSEN] = [2000, 5000];
  const version = document.getElementById('version').dataset.version;
  const status = document.getElementById('live');
  const pause = document.getElementById('pause');
  const loaded = new Date().toLocaleTimeString('en-GB');
  // Said again only where it is new: a screen reader would repeat it.
  const tell = (text) => { if (status.textContent !== text) status.textContent = text; };
  const tellState = () => tell(kept.get('paused', false) ? 'Refreshing is paused' : `Refreshed at ${loaded}; again when results change`);
  const setPaused = (paused) => {
    kept.set('paused', paused);
    pause.setAttribute('aria-pressed', String(paused));
    tellState();
  };
  setPaused(kept.get('paused', false));
  pause.addEventListener('click', () => setPaused(!kept.get('paused', false)));

  let readUntil = -Infinity;
  const reads = (time) => { readUntil = Math.max(readUntil, performance.now() + time); };
  document.addEventListener('pointermove', (event) => { if (event.target.closest?.('figure')) reads(POINTED); });
  document.addEventListener('keydown', () => reads(CHOSEN));
  document.addEventListener('input', () => reads(CHOSEN));
  // Also where the focus comes back after a refresh, so that the next one waits until the values are heard.
  document.addEventListener('focusin', (event) => { if (event.target.matches?.('input[type=range]')) reads(CHOSEN); });
  // A picture that someone looks at stays, and so do values that someone is reading.
  const busy = () => document.getElementById('zoom').open || performance.now() < readUntil || document.hidden || kept.get('paused', false);

  const focusable = () => [...document.querySelectorAll('a, button, input, select, summary, [tabindex]')];
  const focused = kept.get('focus', null);
  // Where the page has more or less than before, places tell nothing.
  if (focused?.count === focusable().length) focusable()[focused.place].focus({ preventScroll: true });
  const scroll = kept.get('scroll', null);
  // Charts that come near are drawn first; their room is reserved, so that the place stays.
  if (scroll !== null) requestAnimationFrame(() => scrollTo({ top: scroll, behavior: 'instant' }));
  kept.set('scroll', null);
  kept.set('focus', null);

  function reload() {
    const all = focusable();
    const place = all.indexOf(document.activeElement);
    kept.set('scroll', scrollY);
    kept.set('focus', place >= 0 ? { place, count: all.length } : null);
    location.reload();
  }

  async function look() {
    if (!busy()) {
      try {
        const answer = await fetch('version', { cache: 'no-store' });
        const now = answer.ok ? await answer.text() : null;
        // Reading may have begun in the meantime.
        if (now !== null && now !== version && !busy()) {
          reload();
          return;
        }
        if (now !== null) tellState();
      } catch {
        tell('The server has stopped; this is what it had last');
      }
    }
    setTimeout(look, PERIOD);
  }
  setTimeout(look, PERIOD);
})();
