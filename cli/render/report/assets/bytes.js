// Parses the entries of a pack: header bits, base, stream, delta instructions.

const KINDS = { 1: 'commit', 2: 'tree', 3: 'blob', 4: 'tag', 6: 'ofs-delta', 7: 'ref-delta' };
let carriedText = null;

// The bytes of an entry in the pack; null if the page does not contain them.
function entryBytes(pack, at) {
  if (!pack.held[at]) return null;
  carriedText ??= byId('bytes').textContent;
  const start = pack.heldStarts[at];
  const end = start + pack.stored[at];
  const first = Math.floor(start / 3);
  const text = carriedText.slice(4 * first, 4 * Math.ceil(end / 3));
  return bytesOfBase64(text).subarray(start - 3 * first, end - 3 * first);
}

// A number with seven bits per byte, lowest first: sizes in deltas.
function readSize(bytes, at) {
  let value = 0;
  let scale = 1;
  let byte;
  do { byte = bytes[at]; at += 1; value += (byte & 0x7f) * scale; scale *= 128; } while (byte & 0x80);
  return { value, end: at };
}

function readEntry(pack, at, bytes) {
  const entry = { code: bytes[0] >> 4 & 7, size: bytes[0] & 15, headerEnd: 1, distance: null, baseId: null };
  if (bytes[0] & 0x80) {
    const rest = readSize(bytes, 1);
    entry.size += 16 * rest.value;
    entry.headerEnd = rest.end;
  }
  entry.payload = entry.headerEnd;
  if (entry.code === 6) readDistance(bytes, entry);
  if (entry.code === 7) {
    entry.payload += pack.digestSize;
    entry.baseId = hexOf(bytes.subarray(entry.headerEnd, entry.payload));
  }
  return entry;
}

// Seven bits per byte, highest first; each further byte adds one, so that no number has two encodings.
function readDistance(bytes, entry) {
  let value = bytes[entry.payload] & 0x7f;
  while (bytes[entry.payload] & 0x80) {
    entry.payload += 1;
    value = (value + 1) * 128 + (bytes[entry.payload] & 0x7f);
  }
  entry.payload += 1;
  entry.distance = value;
}

function readDelta(bytes) {
  const base = readSize(bytes, 0);
  const target = readSize(bytes, base.end);
  const steps = [];
  let made = 0;
  for (let at = target.end; at < bytes.length;) {
    const step = bytes[at] & 0x80 ? readCopy(bytes, at) : readInsert(bytes, at);
    steps.push({ ...step, start: at, to: made });
    at = step.end;
    made += step.size;
  }
  return { baseSize: base.value, baseSizeEnd: base.end, targetSize: target.value, targetSizeEnd: target.end, steps };
}

function readCopy(bytes, at) {
  const opcode = bytes[at];
  let from = 0;
  let length = 0;
  at += 1;
  for (let bit = 0; bit < 7; bit += 1) {
    if (opcode >> bit & 1) {
      const worth = bytes[at] * 256 ** (bit % 4);
      if (bit < 4) from += worth; else length += worth;
      at += 1;
    }
  }
  return { kind: 'copy', from, size: length || 0x10000, end: at };
}

function readInsert(bytes, at) {
  if (!bytes[at]) throw new Error('a delta has instruction 0, which is reserved');
  return { kind: 'insert', from: null, size: bytes[at], end: at + 1 + bytes[at] };
}

function applyDelta(base, bytes, delta) {
  const target = new Uint8Array(delta.targetSize);
  for (const { kind, from, to, size: length, start } of delta.steps) {
    const piece = kind === 'copy' ? base.subarray(from, from + length) : bytes.subarray(start + 1, start + 1 + length);
    target.set(piece, to);
  }
  return target;
}

function chainOf(pack, at) {
  const chain = [at];
  while (pack.bases[chain[0]] >= 0) chain.unshift(pack.bases[chain[0]]);
  return chain;
}

// The parsed chain from the full base to the object; null if the page does not contain its bytes.
async function readChain(pack, at) {
  const links = [];
  for (const index of chainOf(pack, at)) {
    const raw = entryBytes(pack, index);
    if (raw === null) return null;
    const entry = readEntry(pack, index, raw);
    const stream = await inflate(raw.subarray(entry.payload));
    const delta = entry.code > 4 ? readDelta(stream) : null;
    const data = delta ? applyDelta(links[links.length - 1].data, stream, delta) : stream;
    links.push({ index, raw, entry, stream, delta, data });
  }
  return links;
}

// What `packcore explain PACK --object ID --json` prints.
async function explanation(pack, at) {
  const links = await readChain(pack, at);
  return links && {
    pack: pack.file, oid: oidOf(pack, at), type: TYPES[pack.types[at]], size: links[links.length - 1].data.length,
    chain: links.map(({ index, raw, entry, stream, delta, data }) => ({
      oid: oidOf(pack, index), offset: pack.offsets[index], kind: KINDS[entry.code], sizeInPack: raw.length,
      inflated: stream.length, size: data.length,
      instructions: delta ? delta.steps.map(({ kind, from, to, size: length }) => ({ kind, from, to, size: length })) : [],
    })),
  };
}
