'use strict';
// Asks the server now and then which version it has, and loads that one. Settings are kept by the charts themselves.
(() => {
  const PERIOD = 1500;
  const version = document.getElementById('version').dataset.version;
  const status = document.getElementById('live');
  const pause = document.getElementById('pause');
  const setPaused = (paused) => {
    kept.set('paused', paused);
    pause.setAttribute('aria-pressed', String(paused));
    status.textContent = paused ? 'Refreshing is paused' : `Refreshed at ${new Date().toLocaleTimeString('en-GB')}; again when results change`;
  };
  setPaused(kept.get('paused', false));
  pause.addEventListener('click', () => setPaused(!kept.get('paused', false)));

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

  let pointed = -Infinity;
  document.addEventListener('pointermove', (event) => { if (event.target.closest?.('figure')) pointed = performance.now(); });

  async function look() {
    // A picture that someone looks at stays, and so do values that someone is reading.
    const reading = document.getElementById('zoom').open || performance.now() - pointed < 2000;
    const busy = reading || document.hidden || kept.get('paused', false);
    if (!busy) {
      try {
        const answer = await fetch('version', { cache: 'no-store' });
        if (answer.ok && (await answer.text()) !== version) {
          reload();
          return;
        }
      } catch {
        status.textContent = 'The server has stopped; this is what it had last';
      }
    }
    setTimeout(look, PERIOD);
  }
  setTimeout(look, PERIOD);
})();
