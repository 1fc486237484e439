// Bars, stacked or plain, with the same data as a table.

const CHART_HEIGHT = 170;

// `bars` are {label, parts: [{name, value}]}; `tell` turns a value into text. Redrawn when the size changes.
function barChart(box, { title, told, bars, tell, heads }) {
  const holder = el('div');
  const names = [...new Set(bars.flatMap((bar) => bar.parts.map((part) => part.name)))];
  box.append(el('h3', null, title), told ? el('p', { class: 'soft' }, told) : null ?? '', holder);
  if (names.length > 1) box.append(chartKey(names));
  const rows = bars.filter((bar) => totalOf(bar)).map((bar) => [bar.label, ...names.map(
    (name) => tell(bar.parts.find((part) => part.name === name)?.value ?? 0))]);
  box.append(tableBehind(`${title}, as a table`, heads ?? ['', ...names], rows));
  const draw = () => holder.replaceChildren(drawBars(bars, Math.max(holder.clientWidth, 120), title, tell));
  new ResizeObserver(draw).observe(box);
}

const totalOf = (bar) => bar.parts.reduce((sum, part) => sum + part.value, 0);

function chartKey(names) {
  return el('ul', { class: 'key' }, ...names.map((name) => el('li', null, el('i', { class: name }), name)));
}

function drawBars(bars, width, title, tell) {
  const most = Math.max(...bars.map(totalOf), 1);
  const step = width / bars.length;
  const gap = step > 6 ? Math.min(3, step / 5) : 0;
  const drawn = bars.flatMap((bar, at) => drawBar(bar, at * step + gap / 2, step - gap, most, tell));
  const labels = axisLabels(bars, step, width);
  const top = svg('text', { x: 0, y: 11 }, tell(most));
  const line = svg('line', { x1: 0, x2: width, y1: CHART_HEIGHT - 20, y2: CHART_HEIGHT - 20 });
  const attributes = { class: 'chart', viewBox: `0 0 ${width} ${CHART_HEIGHT}`, role: 'img', 'aria-label': `${title}; the table below says the same` };
  return svg('svg', attributes, ...drawn, line, top, ...labels);
}

function drawBar(bar, x, width, most, tell) {
  const room = CHART_HEIGHT - 38;
  let y = CHART_HEIGHT - 20;
  return bar.parts.filter((part) => part.value).map((part) => {
    const height = Math.max(room * part.value / most, 0.8);
    y -= height;
    const rect = { x, y, width: Math.max(width, 0.6), height, class: TYPES.includes(part.name) ? part.name : 'plain-bar' };
    return svg('rect', rect, svg('title', null, `${bar.label}: ${tell(part.value)} ${part.name}`));
  });
}

// As many labels as fit; the last one ends at the edge.
function axisLabels(bars, step, width) {
  const every = Math.max(1, Math.ceil(58 / step));
  const shown = bars.map((bar, at) => ({ bar, at })).filter(({ at }) => at % every === 0);
  return shown.filter(({ at }) => (at + 0.5) * step < width - 18 || every === 1).map(({ bar, at }) => {
    const anchor = at === 0 && step < 50 ? 'start' : 'middle';
    const x = anchor === 'start' ? 0 : (at + 0.5) * step;
    return svg('text', { x, y: CHART_HEIGHT - 4, 'text-anchor': anchor }, bar.short ?? bar.label);
  });
}

function showAge(pack, box) {
  const dated = pack.shallowFirst.filter((at) => pack.commits[at] >= 0);
  if (!dated.length) { box.append(el('p', { class: 'soft' }, 'No commit of this pack tells when its objects came.')); return; }
  const sums = new Map();
  const { keyOf, keys } = agePeriods(pack, dated);
  for (const key of keys) sums.set(key, [0, 0, 0, 0, 0]);
  for (const at of dated) sums.get(keyOf(pack.dates[at]))[pack.types[at]] += pack.stored[at];
  const bars = keys.map((key) => ({ label: key, parts: [3, 2, 1].map((type) => ({ name: TYPES[type], value: sums.get(key)[type] })) }));
  const undated = pack.count - dated.length;
  const told = undated ? `${countOf(undated, 'object has', 'objects have')} no date here: no commit of this pack brings them.` : '';
  barChart(box, { title: 'Bytes stored', told, bars, tell: size, heads: ['date', 'blob', 'tree', 'commit'] });
}

// Years, quarters or months, so that there are a few dozen bars; no more than 120 of years either.
function agePeriods(pack, dated) {
  let first = Infinity;
  let last = -Infinity;
  for (const at of dated) { first = Math.min(first, pack.dates[at]); last = Math.max(last, pack.dates[at]); }
  const months = (last - first) / 2629800;
  const span = months <= 40 ? 1 : months <= 130 ? 3 : 12;
  const monthOf = (seconds) => { const date = new Date(1000 * seconds); return 12 * date.getUTCFullYear() + date.getUTCMonth(); };
  const name = (month) => {
    const year = Math.floor(month / 12);
    return span === 12 ? `${year}` : span === 3 ? `${year} Q${Math.floor(month % 12 / 3) + 1}` : `${year}-${String(month % 12 + 1).padStart(2, '0')}`;
  };
  const floor = Math.max(monthOf(first), monthOf(last) - 120 * span);
  const keyOf = (seconds) => name(Math.max(Math.floor(monthOf(seconds) / span) * span, Math.floor(floor / span) * span));
  const keys = [];
  for (let month = Math.floor(floor / span) * span; month <= monthOf(last); month += span) keys.push(name(month));
  return { keyOf, keys };
}

function showDepths(pack, box) {
  const deepest = pack.depths.reduce((most, depth) => Math.max(most, depth), 0);
  const width = Math.ceil((deepest + 1) / 64);
  const counts = new Array(Math.floor(deepest / width) + 1).fill(0);
  for (const depth of pack.depths) counts[Math.floor(depth / width)] += 1;
  const label = (at) => (width === 1 ? `${at}` : `${at * width}–${at * width + width - 1}`);
  const bars = counts.map((value, at) => ({ label: label(at), parts: [{ name: 'objects', value }] }));
  barChart(box, { title: 'Depth of chains', told: 'Objects by how many deltas lie between them and a whole one.', bars, tell: grouped, heads: ['depth', 'objects'] });
}

const power = (bits) => (bits < 10 ? `${2 ** bits}` : `${2 ** (bits % 10)} ${['', 'K', 'M', 'G', 'T'][Math.floor(bits / 10)]}`);

function showPowers(box, numbers, title, told) {
  const counts = [];
  for (const number of numbers) {
    const bits = number < 1 ? 0 : Math.floor(Math.log2(number)) + 1;
    counts[bits] = (counts[bits] ?? 0) + 1;
  }
  const first = counts.findIndex((count) => count);
  const bars = Array.from(counts.slice(first), (value, at) => {
    const bits = first + at;
    const label = bits === 0 ? '0' : `${power(bits - 1)} to < ${power(bits)}`;
    return { label, short: bits === 0 ? '0' : power(bits - 1), parts: [{ name: 'objects', value: value ?? 0 }] };
  });
  barChart(box, { title, told, bars, tell: grouped, heads: ['bytes', 'objects'] });
}
