// The pack's columns as typed arrays, by entry index, and values derived from them.

function bytesOfBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let at = 0; at < raw.length; at += 1) bytes[at] = raw.charCodeAt(at);
  return bytes;
}

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const ARRAYS = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, i32: Int32Array, f64: Float64Array };

async function loadPack() {
  const facts = JSON.parse(byId('facts').textContent);
  const { buffer } = await inflate(bytesOfBase64(byId('columns').textContent));
  const pack = { ...facts };
  for (const { name, type, start, count } of facts.layout) pack[name] = new ARRAYS[type](buffer, start, count);
  pack.count = pack.types.length;
  pack.offsets = runningTotal(pack.stored, () => true, 12);
  pack.heldStarts = runningTotal(pack.stored, (at) => pack.held[at], 0);
  addCosts(pack);
  return pack;
}

// The start of each entry if the chosen entries follow each other.
function runningTotal(sizes, counts, first) {
  const starts = new Float64Array(sizes.length + 1);
  starts[0] = first;
  for (let at = 0; at < sizes.length; at += 1) starts[at + 1] = starts[at] + (counts(at) ? sizes[at] : 0);
  return starts;
}

// Entries by depth, so that a base always comes before its deltas.
function byDepth(pack) {
  const order = Uint32Array.from({ length: pack.count }, (_, at) => at);
  return order.sort((a, b) => pack.depths[a] - pack.depths[b] || a - b);
}

function addCosts(pack) {
  pack.shallowFirst = byDepth(pack);
  pack.costs = new Float64Array(pack.count);
  pack.inflated = new Float64Array(pack.count);
  for (const at of pack.shallowFirst) {
    const base = pack.bases[at];
    pack.costs[at] = pack.stored[at] + (base >= 0 ? pack.costs[base] : 0);
    pack.inflated[at] = pack.streams[at] + (base >= 0 ? pack.inflated[base] : 0);
  }
}

function hexOf(bytes) {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

const oidOf = (pack, at) => hexOf(pack.oids.subarray(at * pack.digestSize, (at + 1) * pack.digestSize));
const shortId = (pack, at) => oidOf(pack, at).slice(0, 10);

// The path of a node of the path tree; '' is the root, null no path at all.
function pathText(pack, node) {
  if (node < 0) return null;
  const pieces = [];
  for (; node > 0; node = pack.parents[node]) pieces.push(pack.names[node]);
  return pieces.reverse().join('/');
}

function pathOf(pack, at) {
  const path = pathText(pack, pack.paths[at]);
  return path === null ? '(no path)' : path + (pack.types[at] === 2 ? '/' : '');
}

function findById(pack, prefix, limit) {
  const wanted = prefix.toLowerCase();
  const whole = wanted.length >> 1;
  const lead = Uint8Array.from({ length: whole }, (_, at) => parseInt(wanted.substr(2 * at, 2), 16));
  const found = [];
  for (let at = 0; at < pack.count && found.length < limit; at += 1) {
    const start = at * pack.digestSize;
    let same = 0;
    while (same < whole && pack.oids[start + same] === lead[same]) same += 1;
    if (same === whole && oidOf(pack, at).startsWith(wanted)) found.push(at);
  }
  return found;
}
