// Find objects by the first digits of their id, or by any part of their path.

const FOUND_MAX = 30;

class Search {
  constructor(pack, open) {
    this.pack = pack;
    this.open = open;
    this.field = byId('query');
    this.field.addEventListener('input', () => this.run());
    byId('search').addEventListener('submit', (event) => { event.preventDefault(); byId('found').querySelector('button')?.click(); });
    byId('search').addEventListener('keydown', (event) => this.key(event));
  }

  find(words) {
    const { pack } = this;
    const found = /^[0-9a-f]{4,64}$/i.test(words) ? findById(pack, words, FOUND_MAX) : [];
    return found.length < FOUND_MAX ? [...found, ...this.byPath(words.toLowerCase(), FOUND_MAX - found.length)] : found;
  }

  // The newest object at each path that fits; paths that end with the words come first, the newest of them first.
  byPath(words, limit) {
    const { pack } = this;
    this.texts ??= pack.names.map((_, node) => pathText(pack, node).toLowerCase());
    const fits = new Set();
    this.texts.forEach((text, node) => { if (text.includes(words)) fits.add(node); });
    const newest = new Map();
    for (let at = 0; at < pack.count; at += 1) {
      const node = pack.paths[at];
      if (fits.has(node) && !(pack.dates[newest.get(node)] >= pack.dates[at])) newest.set(node, at);
    }
    const rank = (node) => (this.texts[node].endsWith(words) ? 0 : 1);
    const date = (node) => pack.dates[newest.get(node)];
    return [...newest.keys()].sort((a, b) => rank(a) - rank(b) || date(b) - date(a) || a - b)
      .slice(0, limit).map((node) => newest.get(node));
  }

  run() {
    const words = this.field.value.trim();
    const found = words.length < 2 ? [] : this.find(words);
    byId('found').replaceChildren(...found.map((at) => this.item(at)));
    const most = found.length >= FOUND_MAX ? `the first ${FOUND_MAX}` : countOf(found.length, 'object', 'objects');
    byId('found-count').textContent = words.length < 2 ? '' : found.length ? `${most} found; of a path the newest version` : 'nothing found';
  }

  item(at) {
    const { pack } = this;
    const facts = `${TYPES[pack.types[at]]} ${shortId(pack, at)}, ${size(pack.sizes[at])}, depth ${pack.depths[at]}`;
    return el('li', null, el('button', { type: 'button', onclick: () => this.open(at) },
      el('span', { class: 'path' }, pathOf(pack, at)), el('small', null, facts)));
  }

  key(event) {
    const stops = [this.field, ...byId('found').querySelectorAll('button')];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const at = stops.indexOf(document.activeElement);
    if (event.key === 'Escape') { this.field.value = ''; this.run(); this.field.focus(); }
    if (!step || at < 0) return;
    event.preventDefault();
    stops[Math.min(Math.max(at + step, 0), stops.length - 1)].focus();
  }
}
