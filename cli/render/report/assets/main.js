// Starts the page. `window.packcoreReport` is for tests, and for use in the console.

async function start() {
  const pack = await loadPack();
  const { show } = new Explanation(pack);
  byId('pictures').hidden = false;
  byId('search').hidden = false;
  const treemap = new Treemap(pack, show);
  const forest = new Forest(pack, show);
  const search = new Search(pack, (at) => { forest.choose(at); forest.zoomTo(chainOf(pack, at)[0]); show(at); });
  new ObjectTable(pack, show);
  treemap.go({ node: 0 });
  showAge(pack, byId('age-chart'));
  showDepths(pack, byId('depth-chart'));
  showPowers(byId('size-chart'), pack.sizes, 'Size of objects', 'Objects by their bytes, inflated.');
  showPowers(byId('cost-chart'), pack.inflated, 'Cost of reading', 'Objects by the bytes that their chain inflates to.');
  startTheme(() => forest.draw());
  const find = (oid) => findById(pack, oid, 1)[0];
  window.packcoreReport = { pack, find, search: (words) => search.find(words).map((at) => oidOf(pack, at)), explain: (oid) => explanation(pack, find(oid)), seconds: performance.now() / 1000 };
  document.documentElement.dataset.ready = 'true';
}

start().catch((error) => {
  byId('trouble').textContent = `The page could not be drawn: ${error.message}`;
  byId('trouble').hidden = false;
  console.error(error);
});
