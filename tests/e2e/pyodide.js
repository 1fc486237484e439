// Runs a Python file in Pyodide: node pyodide.js WHEEL FILE.py FOLDER. The folder is at /io there.
const { readFileSync } = require("node:fs");
const { loadPyodide } = require(require.resolve("pyodide", { paths: [process.cwd()] }));

async function main([wheel, file, folder]) {
  const python = await loadPyodide();
  python.unpackArchive(new Uint8Array(readFileSync(wheel)), "wheel", { extractDir: "/wheel" });
  python.runPython("import sys; sys.path.insert(0, '/wheel')");
  python.FS.mkdir("/io");
  python.FS.mount(python.FS.filesystems.NODEFS, { root: folder }, "/io");
  await python.runPythonAsync(readFileSync(file, "utf8"));
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
