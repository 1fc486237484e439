// The content of an object: text with the insertions of the last delta marked, the entries of a tree, or hex.

const TEXT_BYTES_MAX = 65536;
const HEX_BYTES_MAX = 4096;

const looksBinary = (bytes) => bytes.subarray(0, 8000).includes(0);

function hexLines(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = Array.from(bytes.subarray(at, at + 16));
    const digits = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ').padEnd(47);
    const text = row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${at.toString(16).padStart(8, '0')}  ${digits}  ${text}`);
  }
  return lines.join('\n');
}

// A few bytes on one line, as text.
function preview(bytes) {
  const shown = bytes.subarray(0, 120);
  const text = new TextDecoder().decode(shown).replace(/\r?\n/g, '⏎').replace(/[\u0000-\u001f\u007f]/g, '·');
  return bytes.length > shown.length ? `${text}…` : text;
}

function treeRows(pack, data) {
  const rows = [];
  for (let at = 0; at < data.length;) {
    const space = data.indexOf(32, at);
    const zero = data.indexOf(0, space);
    if (space < 0 || zero < 0) break;
    const text = (from, to) => new TextDecoder().decode(data.subarray(from, to));
    const end = zero + 1 + pack.digestSize;
    rows.push({ mode: text(at, space), name: text(space + 1, zero), oid: hexOf(data.subarray(zero + 1, end)) });
    at = end;
  }
  return rows;
}

function treeTable(pack, data, explain) {
  const rows = treeRows(pack, data).slice(0, 1000).map(({ mode, name, oid }) => {
    const [at] = findById(pack, oid, 1);
    return [mode, el('span', { class: 'left' }, name), at === undefined ? el('code', null, oid.slice(0, 10)) : link(oid.slice(0, 10), () => explain(at))];
  });
  return el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'The lines of the tree' }, table(el('table'), ['mode', 'name', 'object'], rows));
}

function textOf(data, delta) {
  const box = el('pre', { tabindex: '0' });
  const decoder = new TextDecoder();
  const steps = delta ? delta.steps : [{ kind: 'copy', to: 0, size: data.length }];
  for (const { kind, to, size: length } of steps) {
    if (to >= TEXT_BYTES_MAX) break;
    const text = decoder.decode(data.subarray(to, Math.min(to + length, TEXT_BYTES_MAX)), { stream: true });
    box.append(kind === 'insert' ? el('mark', null, text) : text);
  }
  return box;
}

function contentOf(pack, { index, data, delta }, explain) {
  const type = pack.types[index];
  const binary = looksBinary(data);
  const hex = () => el('pre', { class: 'hex', tabindex: '0' }, hexLines(data.subarray(0, HEX_BYTES_MAX)));
  const views = [];
  if (type === 2) views.push(['Lines', () => treeTable(pack, data, explain)]);
  else if (!binary) views.push(['Text', () => textOf(data, delta)]);
  views.push(['Hex', hex]);
  const holder = el('div', null, views[0][1]());
  const buttons = views.map(([name, make], at) => el('button', { type: 'button', 'aria-pressed': String(at === 0), onclick: (event) => {
    for (const button of buttons) button.setAttribute('aria-pressed', String(button === event.currentTarget));
    holder.replaceChildren(make());
  } }, name));
  const limit = binary || type === 2 ? HEX_BYTES_MAX : TEXT_BYTES_MAX;
  const cut = data.length > limit ? ` Long ones are shown up to ${size(limit)}.` : '';
  const told = delta && type !== 2 && !binary ? `What the last delta inserted is marked; the rest it copied.${cut}` : cut.trim();
  return [el('h3', null, 'What it holds'), told ? el('p', { class: 'soft' }, told) : null, el('div', { class: 'buttons' }, ...buttons), holder];
}
