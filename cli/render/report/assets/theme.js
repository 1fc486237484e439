// Light or dark: from the system or chosen by the reader; remembered if the browser allows it.

function startTheme(redraw) {
  const choose = (name) => {
    if (name === 'auto') delete document.documentElement.dataset.theme; else document.documentElement.dataset.theme = name;
    redraw();
  };
  byId('theme').hidden = false;
  byId('theme').addEventListener('change', (event) => {
    choose(event.target.value);
    try { localStorage.setItem('packcore-theme', event.target.value); } catch { /* a page from a file may keep nothing */ }
  });
  let kept = null;
  try { kept = localStorage.getItem('packcore-theme'); } catch { /* likewise */ }
  const radio = [...byId('theme').querySelectorAll('input')].find((input) => input.value === kept);
  if (radio) { radio.checked = true; choose(kept); }
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
}
