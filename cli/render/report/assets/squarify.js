// Squarified treemap: rows of rectangles as close to squares as their areas allow (Bruls, Huizing, van Wijk).

// `values` from the largest on, all above 0; returns [x, y, width, height] for each.
function squarify(values, x, y, width, height) {
  const places = [];
  const sum = values.reduce((total, value) => total + value, 0);
  const scale = sum ? width * height / sum : 0;
  let at = 0;
  while (at < values.length) {
    const side = Math.min(width, height);
    const end = rowEnd(values, at, side, scale);
    let area = 0;
    for (let n = at; n < end; n += 1) area += values[n] * scale;
    const thick = side > 0 ? area / side : 0;
    let along = 0;
    for (; at < end; at += 1) {
      const long = thick > 0 ? values[at] * scale / thick : 0;
      places.push(width >= height ? [x, y + along, thick, long] : [x + along, y, long, thick]);
      along += long;
    }
    if (width >= height) { x += thick; width = Math.max(width - thick, 0); } else { y += thick; height = Math.max(height - thick, 0); }
  }
  return places;
}

// A row takes one more while that improves its worst rectangle.
function rowEnd(values, start, side, scale) {
  let area = 0;
  let worst = Infinity;
  let end = start;
  while (end < values.length) {
    const more = area + values[end] * scale;
    const thick = more / side;
    const ratio = Math.max(values[start] * scale / thick / thick, thick * thick / (values[end] * scale));
    if (ratio > worst) break;
    worst = ratio;
    area = more;
    end += 1;
  }
  return Math.max(end, start + 1);
}
