// Where the bytes go by path: tiles to open, with a table of the same data.
//
// A place is {node} for a folder, {node, own: true} for the objects at one path (a file's versions, or a folder's
// own trees), {node: -1, own: true} for what has no path.

const TILES_MAX = 220;
const HUES = ['blob', 'tree', 'tag', 'commit', 'accent'];

function pathSums(pack) {
  const nodes = pack.parents.length;
  const sums = { stored: new Float64Array(nodes), sizes: new Float64Array(nodes), objects: new Float64Array(nodes) };
  const own = { stored: new Float64Array(nodes + 1), sizes: new Float64Array(nodes + 1), objects: new Float64Array(nodes + 1) };
  for (let at = 0; at < pack.count; at += 1) {
    const node = pack.paths[at] < 0 ? nodes : pack.paths[at];
    own.stored[node] += pack.stored[at];
    own.sizes[node] += pack.sizes[at];
    own.objects[node] += 1;
  }
  const children = Array.from({ length: nodes }, () => null);
  for (const name of Object.keys(sums)) sums[name].set(own[name].subarray(0, nodes));
  for (let node = nodes - 1; node > 0; node -= 1) {
    const parent = pack.parents[node];
    (children[parent] ??= []).push(node);
    for (const name of Object.keys(sums)) sums[name][parent] += sums[name][node];
  }
  return { sums, own, children };
}

class Treemap {
  constructor(pack, explain) {
    this.pack = pack;
    this.explain = explain;
    this.tree = pathSums(pack);
    this.place = { node: 0 };
    this.box = byId('treemap');
    this.measure = byId('measure');
    this.measure.addEventListener('change', () => this.draw());
    this.box.addEventListener('keydown', (event) => this.key(event));
    let width = 0;
    new ResizeObserver(() => { if (this.box.clientWidth !== width) { width = this.box.clientWidth; this.draw(); } }).observe(this.box);
  }

  ownIndex(node) { return node < 0 ? this.pack.parents.length : node; }

  // The contents of a place, largest first: {label, value, count, kind, place or entry}.
  items(place) {
    const { pack, tree: { sums, own, children } } = this;
    const by = this.measure.value;
    const items = [];
    if (place.own) {
      for (let at = 0; at < pack.count; at += 1) {
        if (pack.paths[at] === place.node) items.push({ label: `${TYPES[pack.types[at]]} ${shortId(pack, at)}`, value: by === 'objects' ? 1 : pack[by][at], count: 1, kind: 'object', entry: at });
      }
    } else {
      const nodes = children[place.node] ?? [];
      for (const node of nodes) {
        const isFolder = children[node] !== null;
        items.push({ label: pack.names[node] + (isFolder ? '/' : ''), value: sums[by][node], count: sums.objects[node], kind: isFolder ? 'folder' : 'file', place: isFolder ? { node } : { node, own: true } });
      }
      if (own.objects[place.node]) items.push(this.group(place.node === 0 ? '(root trees)' : '(its own trees)', place.node));
      if (place.node === 0 && own.objects[this.ownIndex(-1)]) items.push(this.group('(no path)', -1));
    }
    return items.sort((a, b) => b.value - a.value || (a.label < b.label ? -1 : 1));
  }

  group(label, node) {
    const { own } = this.tree;
    const at = this.ownIndex(node);
    return { label, value: own[this.measure.value][at], count: own.objects[at], kind: 'group', place: { node, own: true } };
  }

  tell(value) { return this.measure.value === 'objects' ? countOf(value, 'object', 'objects') : size(value); }

  title(place) {
    if (place.node < 0) return '(no path)';
    const path = pathText(this.pack, place.node) || 'the root';
    return place.own && this.tree.children[place.node] ? `${path}, its own trees` : path;
  }

  go(place, { focus = false } = {}) {
    this.place = place;
    this.draw();
    const sum = this.items(place).reduce((total, item) => total + item.value, 0);
    byId('treemap-says').textContent = `${this.title(place)}: ${this.tell(sum)}`;
    if (focus) this.box.querySelector('.tile')?.focus();
  }

  up() {
    const { node, own } = this.place;
    if (!own && node === 0) return false;
    if (node < 0) this.go({ node: 0 }, { focus: true });
    else this.go({ node: own && this.tree.children[node] ? node : Math.max(this.pack.parents[node], 0) }, { focus: true });
    return true;
  }

  enter(item, focus) {
    if (item.kind === 'object') this.explain(item.entry);
    else this.go(item.place, { focus });
  }

  draw() {
    const items = this.items(this.place);
    const sum = items.reduce((total, item) => total + item.value, 0);
    const shown = items.filter((item) => item.value > 0).slice(0, TILES_MAX);
    const { clientWidth: width, clientHeight: height } = this.box;
    const places = squarify(shown.map((item) => item.value), 0, 0, width, height);
    this.box.replaceChildren(...shown.map((item, at) => this.tile(item, places[at], at, sum)));
    this.crumbs();
    this.fillTable(items, sum);
  }

  tile(item, [x, y, width, height], at, sum) {
    const what = item.kind === 'object' ? '' : `, ${countOf(item.count, 'object', 'objects')}`;
    const words = `${item.label}, ${this.tell(item.value)}, ${percent(item.value / sum)}${this.measure.value === 'objects' ? '' : what}`;
    const tile = el('button', { type: 'button', class: 'tile', tabindex: at ? '-1' : '0', 'aria-label': words, title: words, onclick: (event) => this.enter(item, event.detail === 0) });
    Object.assign(tile.style, { left: `${x}px`, top: `${y}px`, width: `${Math.max(width, 1)}px`, height: `${Math.max(height, 1)}px` });
    tile.style.setProperty('--hue', `var(--${this.hue(item, at)})`);
    tile.addEventListener('focus', () => { byId('treemap-says').textContent = words; this.rove(tile); });
    tile.addEventListener('pointerenter', () => { byId('treemap-says').textContent = words; });
    if (item.kind === 'folder') this.drawInside(tile, item.place, [3, 20, width - 8, height - 25]);
    if (width > 34 && height > 18) tile.append(el('span', { class: 'label' }, item.label, width > 130 ? el('small', null, ` ${this.tell(item.value)}`) : ''));
    return tile;
  }

  hue(item, at) { return item.kind === 'object' ? TYPES[this.pack.types[item.entry]] : HUES[at % HUES.length]; }

  // The contents of a folder, drawn within its tile, and those of its folders if there is room.
  drawInside(tile, place, [left, top, width, height], depth = 0) {
    if (width < 40 || height < 24) return;
    const inner = this.items(place).filter((child) => child.value > 0).slice(0, 60);
    squarify(inner.map((child) => child.value), left, top, width, height).forEach(([x, y, w, h], at) => {
      if (w < 3 || h < 3) return;
      const named = depth === 0 && w > 64 && h > 20;
      const piece = el('span', { class: 'inner' }, named ? el('span', { class: 'label' }, inner[at].label) : '');
      Object.assign(piece.style, { left: `${x}px`, top: `${y}px`, width: `${w}px`, height: `${h}px` });
      piece.style.setProperty('--deep', `${40 + 14 * depth}%`);
      tile.append(piece);
      if (inner[at].kind === 'folder' && depth < 2) this.drawInside(tile, inner[at].place, named ? [x + 3, y + 18, w - 6, h - 21] : [x + 3, y + 3, w - 6, h - 6], depth + 1);
    });
  }

  rove(tile) {
    for (const other of this.box.children) other.tabIndex = other === tile ? 0 : -1;
  }

  key(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key === 'Escape' || event.key === 'Backspace') { if (this.up()) event.preventDefault(); return; }
    const step = steps[event.key];
    if (!step || !event.target.classList.contains('tile')) return;
    event.preventDefault();
    this.neighbour(event.target, step)?.focus();
  }

  // The tile whose centre is nearest in a direction; sideways distance counts double.
  neighbour(tile, [dx, dy]) {
    const middle = (node) => [node.offsetLeft + node.offsetWidth / 2, node.offsetTop + node.offsetHeight / 2];
    const [x, y] = middle(tile);
    let best = null;
    let least = Infinity;
    for (const other of this.box.children) {
      const [ox, oy] = middle(other);
      const ahead = (ox - x) * dx + (oy - y) * dy;
      const far = ahead + 2 * Math.abs((ox - x) * dy + (oy - y) * dx);
      if (other !== tile && ahead > 1 && far < least) { best = other; least = far; }
    }
    return best;
  }

  crumbs() {
    const { node, own } = this.place;
    const way = [];
    for (let at = Math.max(node, 0); at >= 0; at = this.pack.parents[at]) way.unshift(at);
    const items = way.map((at) => ({ text: at ? this.pack.names[at] : 'all', place: { node: at } }));
    if (node < 0) items.push({ text: '(no path)', place: this.place });
    else if (own && this.tree.children[node]) items.push({ text: 'its own trees', place: this.place });
    const last = items.pop();
    byId('crumbs').replaceChildren(
      ...items.map(({ text, place }) => el('li', null, link(text, () => this.go(place)))),
      el('li', null, el('span', { 'aria-current': 'location' }, last.text)));
  }

  fillTable(items, sum) {
    const rows = items.slice(0, 500).map((item) => [
      link(item.label, () => this.enter(item, false)), this.tell(item.value), sum ? percent(item.value / sum) : '', grouped(item.count)]);
    if (items.length > rows.length) rows.push([`${grouped(items.length - rows.length)} more`, '', '', '']);
    table(byId('treemap-table'), ['name', this.measure.selectedOptions[0].textContent, 'share', 'objects'], rows);
  }
}
