// The drawer that explains one object: facts, its chain from the full base, the bits of each entry, its content.

const STEPS_SHOWN = 60;

class Explanation {
  constructor(pack) {
    this.pack = pack;
    this.dialog = byId('explained');
    this.body = byId('explained-body');
    byId('explained-close').addEventListener('click', () => this.dialog.close());
    this.dialog.addEventListener('click', (event) => { if (event.target === this.dialog) this.dialog.close(); });
    this.show = this.show.bind(this);
  }

  async show(at) {
    const { pack } = this;
    byId('explained-title').replaceChildren(`${TYPES[pack.types[at]]} `, el('code', null, oidOf(pack, at)));
    this.body.replaceChildren(this.facts(at), el('p', { class: 'soft', role: 'status' }, 'reading …'));
    if (!this.dialog.open) this.dialog.showModal();
    this.dialog.scrollTop = 0;
    byId('explained-title').focus();
    this.current = at;
    const parts = await this.parts(at);
    if (this.current === at) this.body.replaceChildren(this.facts(at), ...parts.filter((part) => part != null));
  }

  async parts(at) {
    try {
      const links = await readChain(this.pack, at);
      if (links === null) return this.notCarried(at);
      return [el('h3', null, links.length > 1 ? 'Its chain, from the full base on' : 'Its entry'), this.chain(links),
        ...contentOf(this.pack, links[links.length - 1], this.show)];
    } catch (error) {
      return [el('p', { class: 'note' }, `Its bytes could not be taken apart: ${error.message}`)];
    }
  }

  notCarried(at) {
    const quoted = this.pack.file.includes("'") || !this.pack.file.includes(' ') ? this.pack.file : `'${this.pack.file}'`;
    return [el('p', { class: 'note' }, 'The page does not carry the bytes of this object. To see them:'),
      el('pre', { tabindex: '0' }, `packcore explain ${quoted} --object ${oidOf(this.pack, at)}`)];
  }

  facts(at) {
    const { pack } = this;
    const commit = pack.commits[at];
    const links = pack.depths[at] + 1;
    const brought = commit < 0 ? '-' : commit === at ? dateText(pack.dates[at])
      : el('span', null, `${dateText(pack.dates[at])}, by `, link(shortId(pack, commit), () => this.show(commit)));
    const facts = [['Path', pathOf(pack, at), 'wide'], ['Size', countOf(pack.sizes[at], 'byte', 'bytes')],
      ['In the pack', countOf(pack.stored[at], 'byte', 'bytes')], ['Offset', grouped(pack.offsets[at])],
      ['Depth', pack.depths[at] ? `${pack.depths[at]}` : '0, a whole object'], ['First brought', brought],
      ['To read', `${countOf(links, 'entry', 'entries')}, ${size(pack.costs[at])}`], ['To inflate', size(pack.inflated[at])]];
    return el('dl', { class: 'facts' }, ...facts.map(([name, value, wide]) => el('div', { class: wide }, el('dt', null, name), el('dd', null, value))));
  }

  chain(links) {
    return el('ol', { class: 'links' }, ...links.map((one, number) => el('li', null, this.link(one, number, number === links.length - 1, links))));
  }

  link(one, number, open, links) {
    const { pack } = this;
    const what = number ? `Delta ${number}` : 'Full base';
    const made = number ? `${countOf(one.stream.length, 'byte', 'bytes')} of delta make ${grouped(one.data.length)}` : countOf(one.data.length, 'byte', 'bytes');
    const facts = `at offset ${grouped(pack.offsets[one.index])}, ${grouped(one.raw.length)} in the pack: ${made}`;
    const details = el('details', { open }, el('summary', null, el('strong', null, what), ' ', el('code', null, shortId(pack, one.index)), el('small', null, facts)));
    const fill = () => { if (details.open && details.children.length === 1) details.append(...this.entry(one, open, links[number - 1])); };
    details.addEventListener('toggle', fill);
    fill();
    return details;
  }

  entry(one, isLast, base) {
    const { entry, raw, stream } = one;
    const jump = isLast ? null : el('p', null, link('Explain this one', () => this.show(one.index)));
    const held = `${countOf(raw.length - entry.payload, 'byte', 'bytes')} from offset ${grouped(this.pack.offsets[one.index] + entry.payload)} on hold ${grouped(stream.length)}. They start with `;
    return [jump, el('h4', null, `Type and size: ${KINDS[entry.code]}, ${countOf(entry.size, 'byte', 'bytes')} inflated`), headerBits(raw, entry), ...baseBits(raw, entry),
      el('h4', null, 'zlib stream'), el('p', null, held, el('code', null, hexOf(raw.subarray(entry.payload, entry.payload + 2))), '.'),
      ...(one.delta ? deltaSteps(one, base) : [])].filter((part) => part != null);
  }
}

function byteItem(byte, groups, words) {
  let left = 8;
  const bits = groups.map(([name, width]) => {
    left -= width;
    return el('b', { class: `${name}-bit${width > 1 ? 's' : ''}` }, (byte >> left & (1 << width) - 1).toString(2).padStart(width, '0'));
  });
  return el('li', null, el('code', null, byte.toString(16).padStart(2, '0')), el('span', { class: 'byte' }, ...bits), el('span', { class: 'soft' }, words));
}

function headerBits(raw, { code, headerEnd }) {
  const more = (byte) => (byte & 0x80 ? 'more bytes follow' : 'the last byte');
  const items = Array.from(raw.subarray(0, headerEnd), (byte, at) => (at
    ? byteItem(byte, [['more', 1], ['size', 7]], `${more(byte)}; size bits ${4 + 7 * (at - 1)} to ${10 + 7 * (at - 1)}`)
    : byteItem(byte, [['more', 1], ['type', 3], ['size', 4]], `${more(byte)}; type ${code} is ${KINDS[code]}; the lowest 4 bits of the size`)));
  return el('ul', { class: 'bits' }, ...items);
}

function baseBits(raw, { distance, baseId, headerEnd, payload }) {
  if (baseId) return [el('h4', null, 'Base, by its id'), el('code', null, baseId)];
  if (distance === null) return [];
  const items = Array.from(raw.subarray(headerEnd, payload), (byte) => byteItem(byte, [['more', 1], ['size', 7]], byte & 0x80 ? 'more bytes follow' : 'the last byte'));
  return [el('h4', null, `Base: ${countOf(distance, 'byte', 'bytes')} before this entry`), el('ul', { class: 'bits' }, ...items)];
}

function deltaSteps({ stream, delta, data }, base) {
  const head = `Base of ${grouped(delta.baseSize)} (${hexOf(stream.subarray(0, delta.baseSizeEnd))}), target of ${grouped(delta.targetSize)} bytes (${hexOf(stream.subarray(delta.baseSizeEnd, delta.targetSizeEnd))}).`;
  const body = el('tbody');
  const add = (from, to) => body.append(...delta.steps.slice(from, to).map((step) => stepRow(step, stream, data, base)));
  add(0, STEPS_SHOWN);
  const heads = ['to', 'does', 'bytes', 'from', 'coded as', 'what it brings'].map((name, at) => el('th', { scope: 'col', class: at === 5 ? 'left' : null }, name));
  const all = el('table', { class: 'steps' }, el('thead', null, el('tr', null, ...heads)), body);
  const left = delta.steps.length - STEPS_SHOWN;
  const more = left > 0 ? el('p', { class: 'more' }, el('button', { type: 'button', onclick: (event) => { add(STEPS_SHOWN); event.currentTarget.parentElement.remove(); } }, `Show the other ${grouped(left)}`)) : null;
  return [el('h4', null, `Delta: ${countOf(delta.steps.length, 'instruction', 'instructions')}`), el('p', null, head),
    el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Delta instructions' }, all), more];
}

function stepRow({ kind, from, to, size: length, start, end }, stream, data) {
  const coded = hexOf(stream.subarray(start, kind === 'copy' ? end : start + 1)).replace(/..(?=.)/g, '$& ');
  const cells = [grouped(to), kind, grouped(length), from === null ? '-' : grouped(from), el('code', null, kind === 'copy' ? coded : `${coded} …`)];
  return el('tr', { class: kind }, ...cells.map((cell) => el('td', null, cell)), el('td', { class: 'made' }, preview(data.subarray(to, to + length))));
}
