// Small helpers that make elements; text from the pack is only ever inserted as text.

const TYPES = ['', 'commit', 'tree', 'blob', 'tag'];
const SVG_SPACE = 'http://www.w3.org/2000/svg';

const byId = (id) => document.getElementById(id);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, '');
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG_SPACE, tag), attributes, children);

const link = (text, act, attributes) => el('button', { type: 'button', class: 'link', onclick: act, ...attributes }, text);
const grouped = (number) => number.toLocaleString('en-US');
const countOf = (number, one, many) => `${grouped(number)} ${number === 1 ? one : many}`;
const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;

function size(bytes) {
  if (bytes < 1024) return countOf(bytes, 'byte', 'bytes');
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let step = -1;
  do { bytes /= 1024; step += 1; } while (bytes >= 1023.95 && step < 3);
  return `${bytes.toFixed(1)} ${units[step]}`;
}

function dateText(seconds) {
  const date = new Date(1000 * seconds);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString().slice(0, 10);
}

function table(node, heads, rows) {
  node.replaceChildren(
    el('thead', null, el('tr', null, ...heads.map((head) => el('th', { scope: 'col' }, head)))),
    el('tbody', null, ...rows.map((cells) => el('tr', null, ...cells.map(
      (cell, at) => el(at ? 'td' : 'th', at ? null : { scope: 'row' }, cell))))));
  return node;
}

function tableBehind(summary, heads, rows) {
  const inner = el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': summary }, table(el('table'), heads, rows));
  return el('details', null, el('summary', null, summary), inner);
}
