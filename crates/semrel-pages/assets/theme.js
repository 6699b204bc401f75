'use strict';
/** The data that the page holds under this id. */
function pageData(id) {
  return JSON.parse(document.getElementById(id).textContent);
}
(() => {
  const names = ['auto', 'light', 'dark'];
  const root = document.documentElement;
  // Some browsers refuse to keep anything for pages opened from a file.
  const keep = {
    get() { try { return localStorage.getItem('theme'); } catch { return null; } },
    set(name) { try { localStorage.setItem('theme', name); } catch { /* not kept */ } },
  };
  let name = names.includes(keep.get()) ? keep.get() : 'auto';
  const show = () => {
    if (name === 'auto') delete root.dataset.theme; else root.dataset.theme = name;
    const button = document.getElementById('theme');
    if (button) button.textContent = `Theme: ${name}`;
  };
  const changed = () => document.dispatchEvent(new Event('themechange'));
  show();
  document.addEventListener('DOMContentLoaded', () => {
    show();
    document.getElementById('theme').addEventListener('click', () => {
      name = names[(names.indexOf(name) + 1) % names.length];
      keep.set(name);
      show();
      changed();
    });
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed);
})();
