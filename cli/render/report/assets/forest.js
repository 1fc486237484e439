// The delta forest as an icicle: whole objects in the top row, each delta below its base.

const ROW_MIN = 9;
const ROW_MAX = 26;

// For each entry its place along the row (starts) and how wide its tree is (widths); rows by depth.
function layOut(pack, weightOf) {
  const { count, bases, shallowFirst } = pack;
  const widths = new Float64Array(count);
  for (let n = count - 1; n >= 0; n -= 1) {
    const at = shallowFirst[n];
    widths[at] += weightOf(at);
    if (bases[at] >= 0) widths[bases[at]] += widths[at];
  }
  const order = Uint32Array.from(shallowFirst).sort((a, b) => pack.depths[a] - pack.depths[b] || widths[b] - widths[a] || a - b);
  const starts = new Float64Array(count);
  const next = new Float64Array(count);
  let end = 0;
  for (const at of order) {
    const base = bases[at];
    if (base < 0) { starts[at] = end; end += widths[at]; } else { starts[at] = next[base]; next[base] += widths[at]; }
    next[at] = starts[at];
  }
  const rows = [];
  for (const at of order) (rows[pack.depths[at]] ??= []).push(at);
  for (const row of rows) row.sort((a, b) => starts[a] - starts[b]);
  return { starts, widths, rows, total: end || 1 };
}

class Forest {
  constructor(pack, explain) {
    this.pack = pack;
    this.explain = explain;
    this.canvas = byId('forest-canvas');
    this.measure = byId('forest-measure');
    this.chosen = -1;
    this.measure.addEventListener('change', () => this.arrange());
    this.listen();
    byId('forest-key').replaceChildren(...TYPES.slice(1).map((type) => el('li', null, el('i', { class: type }), type)));
    this.arrange();
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    this.fillTable();
  }

  arrange() {
    const { pack } = this;
    this.layout = layOut(pack, this.measure.value === 'stored' ? (at) => pack.stored[at] : () => 1);
    this.show(0, this.layout.total);
  }

  show(from, to) {
    const { total } = this.layout;
    const width = Math.min(Math.max(to - from, total / 1e7), total);
    this.from = Math.min(Math.max(from, 0), total - width);
    this.to = this.from + width;
    this.draw();
  }

  zoom(factor, around = (this.from + this.to) / 2) {
    this.show(around - (around - this.from) / factor, around + (this.to - around) / factor);
  }

  zoomTo(at) {
    const { starts, widths } = this.layout;
    const room = Math.max(widths[at] * 0.05, 1e-9);
    this.show(starts[at] - room, starts[at] + widths[at] + room);
  }

  colours() {
    const style = (name) => {
      const probe = el('span', { hidden: true });
      probe.style.color = `var(--${name})`;
      this.canvas.after(probe);
      const { color } = getComputedStyle(probe);
      probe.remove();
      return color;
    };
    return { types: ['card', 'commit', 'tree', 'blob', 'tag'].map(style), ink: style('ink'), card: style('card') };
  }

  draw() {
    const { canvas, layout: { rows } } = this;
    const width = canvas.clientWidth;
    if (!width) return;
    this.rowHeight = Math.min(ROW_MAX, Math.max(ROW_MIN, 440 / rows.length));
    const height = Math.max(this.rowHeight * rows.length, 60);
    const dense = window.devicePixelRatio || 1;
    if (canvas.style.height !== `${height}px`) canvas.style.height = `${height}px`;
    canvas.width = width * dense;
    canvas.height = height * dense;
    const pen = canvas.getContext('2d');
    pen.scale(dense, dense);
    const colours = this.colours();
    rows.forEach((row, depth) => this.drawRow(pen, row, depth * this.rowHeight, width, colours));
    this.markChain(pen, width, colours);
  }

  // Pieces narrower than half a pixel are drawn as one: the next one looked at starts at the next pixel.
  drawRow(pen, row, y, width, { types, card }) {
    const { starts, widths } = this.layout;
    const scale = width / (this.to - this.from);
    const high = this.rowHeight - 1;
    let n = Math.max(firstFrom(row, starts, this.from) - 1, 0);
    while (n < row.length && starts[row[n]] < this.to) {
      const at = row[n];
      const x = (starts[at] - this.from) * scale;
      const wide = widths[at] * scale;
      pen.fillStyle = types[this.pack.types[at]];
      if (wide < 1) {
        pen.globalAlpha = 0.55;
        pen.fillRect(x, y, 1, high);
        n = Math.max(n + 1, firstFrom(row, starts, starts[at] + 1 / scale));
      } else {
        pen.globalAlpha = n % 2 ? 0.8 : 0.95;
        pen.fillRect(x, y, Math.max(wide - (wide > 3 ? 1 : 0), 0.7), high);
        pen.globalAlpha = 1;
        if (wide > 84 && high > 14) this.writeLabel(pen, at, Math.max(x, 0), y, wide, card);
        n += 1;
      }
    }
    pen.globalAlpha = 1;
  }

  writeLabel(pen, at, x, y, wide, card) {
    pen.fillStyle = card;
    pen.font = `${Math.min(this.rowHeight - 7, 12)}px system-ui, sans-serif`;
    const path = pathOf(this.pack, at);
    const text = path === '(no path)' ? shortId(this.pack, at) : path.replace(/^.*\/(?=.)/, '');
    const room = Math.floor(wide / 7.2);
    pen.fillText(text.length > room ? `${text.slice(0, room - 1)}…` : text, x + 5, y + this.rowHeight - 7, wide - 8);
  }

  markChain(pen, width, { ink }) {
    if (this.chosen < 0) return;
    const { starts, widths } = this.layout;
    const scale = width / (this.to - this.from);
    pen.strokeStyle = ink;
    pen.lineWidth = 2;
    for (const at of chainOf(this.pack, this.chosen)) {
      const left = Math.max((starts[at] - this.from) * scale, 0);
      const right = Math.min((starts[at] + widths[at] - this.from) * scale, width);
      if (right > 0 && left < width) pen.strokeRect(left + 1, this.pack.depths[at] * this.rowHeight + 1, Math.max(right - left - 2, 1.5), this.rowHeight - 3);
    }
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const value = this.from + (event.clientX - box.left) / box.width * (this.to - this.from);
    const row = this.layout.rows[Math.floor((event.clientY - box.top) / this.rowHeight)];
    if (!row) return -1;
    const at = row[firstFrom(row, this.layout.starts, value + 1e-9) - 1];
    return at !== undefined && value <= this.layout.starts[at] + this.layout.widths[at] ? at : -1;
  }

  describe(at) {
    const { pack } = this;
    const what = pack.depths[at] ? `delta at depth ${pack.depths[at]}` : 'whole';
    return `${TYPES[pack.types[at]]} ${shortId(pack, at)}, ${pathOf(pack, at)}: ${size(pack.sizes[at])}, ${what}, ${size(pack.stored[at])} stored, ${size(pack.costs[at])} to read`;
  }

  choose(at) {
    this.chosen = at;
    byId('forest-says').textContent = at < 0 ? '' : this.describe(at);
    byId('forest-actions').hidden = at < 0;
    this.draw();
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener('click', (event) => this.choose(this.at(event)));
    canvas.addEventListener('dblclick', (event) => { const at = this.at(event); if (at >= 0) this.zoomTo(at); });
    canvas.addEventListener('pointermove', (event) => {
      const at = this.at(event);
      if (this.chosen < 0) byId('forest-says').textContent = at < 0 ? '' : this.describe(at);
    });
    canvas.addEventListener('wheel', (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const box = canvas.getBoundingClientRect();
      this.zoom(event.deltaY < 0 ? 1.25 : 0.8, this.from + (event.clientX - box.left) / box.width * (this.to - this.from));
    }, { passive: false });
    canvas.addEventListener('keydown', (event) => this.key(event));
    byId('forest-in').addEventListener('click', () => this.zoom(2, this.middle()));
    byId('forest-out').addEventListener('click', () => this.zoom(0.5));
    byId('forest-whole').addEventListener('click', () => this.show(0, this.layout.total));
    byId('forest-explain').addEventListener('click', () => this.explain(this.chosen));
    byId('forest-zoom').addEventListener('click', () => this.zoomTo(this.chosen));
  }

  middle() {
    const { starts, widths } = this.layout;
    const middle = this.chosen < 0 ? -1 : starts[this.chosen] + widths[this.chosen] / 2;
    return middle >= this.from && middle <= this.to ? middle : (this.from + this.to) / 2;
  }

  key(event) {
    const { pack, chosen, layout: { rows, starts } } = this;
    const row = chosen < 0 ? [] : rows[pack.depths[chosen]];
    const place = chosen < 0 ? -1 : row.indexOf(chosen);
    const below = () => (rows[pack.depths[chosen] + 1] ?? []).find((at) => pack.bases[at] === chosen) ?? chosen;
    const moves = {
      ArrowDown: () => this.walk(chosen < 0 ? rows[0]?.[0] ?? -1 : below()),
      ArrowUp: () => this.walk(chosen < 0 ? -1 : pack.bases[chosen] < 0 ? chosen : pack.bases[chosen]),
      ArrowRight: () => this.walk(row[Math.min(place + 1, row.length - 1)] ?? rows[0]?.[0] ?? -1),
      ArrowLeft: () => this.walk(row[Math.max(place - 1, 0)] ?? rows[0]?.[0] ?? -1),
      Enter: () => { if (chosen >= 0) this.explain(chosen); },
      '+': () => this.zoom(2, this.middle()), '=': () => this.zoom(2, this.middle()), '-': () => this.zoom(0.5),
      Escape: () => { this.choose(-1); this.show(0, this.layout.total); },
    };
    if (!moves[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    moves[event.key](starts);
  }

  // Choose it and scroll it into view.
  walk(at) {
    this.choose(at);
    if (at < 0) return;
    const { starts, widths } = this.layout;
    const wide = this.to - this.from;
    if (starts[at] + widths[at] < this.from || starts[at] > this.to) this.show(starts[at] - wide / 10, starts[at] + wide * 0.9);
  }

  fillTable() {
    const { pack } = this;
    const { rows, widths } = layOut(pack, () => 1);
    const deepest = new Uint16Array(pack.count);
    for (let n = pack.count - 1; n >= 0; n -= 1) {
      const at = pack.shallowFirst[n];
      deepest[at] = Math.max(deepest[at], pack.depths[at]);
      if (pack.bases[at] >= 0) deepest[pack.bases[at]] = Math.max(deepest[pack.bases[at]], deepest[at]);
    }
    const roots = (rows[0] ?? []).slice(0, 50).map((at) => [
      link(shortId(pack, at), () => this.explain(at)), TYPES[pack.types[at]], pathOf(pack, at), grouped(widths[at]), grouped(deepest[at])]);
    table(byId('forest-table'), ['whole object', 'type', 'path', 'objects in its tree', 'deepest'], roots);
  }
}

// The number of the first entry of a row that starts at `value` or behind it.
function firstFrom(row, starts, value) {
  let low = 0;
  let high = row.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[row[middle]] < value) low = middle + 1; else high = middle;
  }
  return low;
}
