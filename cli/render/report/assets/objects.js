// The table of objects, in any order, 25 at a time.

const PAGE_ROWS = 25;

class ObjectTable {
  constructor(pack, explain) {
    this.pack = pack;
    this.explain = explain;
    this.rows = PAGE_ROWS;
    for (const id of ['order', 'kind']) byId(id).addEventListener('change', () => { this.rows = PAGE_ROWS; this.sort(); });
    byId('more').addEventListener('click', () => { this.rows += PAGE_ROWS; this.draw(); });
    this.sort();
  }

  sort() {
    const { pack } = this;
    const order = byId('order').value;
    const kind = Number(byId('kind').value);
    const found = Uint32Array.from({ length: pack.count }, (_, at) => at).filter((at) => !kind || pack.types[at] === kind);
    const column = pack[order];
    this.found = order === 'pack' ? found : found.sort((a, b) => column[b] - column[a] || a - b);
    this.draw();
  }

  draw() {
    const { pack, found } = this;
    const shown = Array.from(found.subarray(0, this.rows));
    const heads = ['object', 'size', 'stored', 'depth', 'date', 'to read', 'to inflate'];
    table(byId('object-table'), heads, shown.map((at) => this.row(pack, at)));
    byId('shown').textContent = `${grouped(shown.length)} of ${grouped(found.length)}`;
    byId('more').disabled = shown.length === found.length;
  }

  row(pack, at) {
    const name = el('span', null, el('i', { class: `dot ${TYPES[pack.types[at]]}` }),
      link(shortId(pack, at), () => this.explain(at), { 'aria-label': `${TYPES[pack.types[at]]} ${oidOf(pack, at)}, explain` }),
      ` ${TYPES[pack.types[at]]}`, el('span', { class: 'path', title: pathOf(pack, at) }, pathOf(pack, at)));
    const date = pack.commits[at] < 0 ? '-' : dateText(pack.dates[at]);
    return [name, ...[pack.sizes[at], pack.stored[at], pack.depths[at]].map(grouped), date, ...[pack.costs[at], pack.inflated[at]].map(grouped)];
  }
}
