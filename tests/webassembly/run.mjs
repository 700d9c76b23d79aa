// Run Python on a 32-bit MicroPython: node run.mjs PACKAGE SCRIPT FOLDER...
// PACKAGE: folder of MicroPython's WebAssembly port; the .py files of the FOLDERs, which are /0, /1, ...
// there, are on its path; SCRIPT is a file, run as main.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [home, script, ...folders] = process.argv.slice(2);
const { loadMicroPython } = await import(pathToFileURL(path.join(home, "micropython.mjs")));

// At each call the port's JavaScript compares its copy of the table of functions; a look there is slow.
const { get, set } = WebAssembly.Table.prototype;
const known = [];
WebAssembly.Table.prototype.get = function (i) {
  return known[i] || (known[i] = get.call(this, i));
};
WebAssembly.Table.prototype.set = function (i, value) {
  known[i] = null;
  set.call(this, i, value);
};

const python = await loadMicroPython({
  heapsize: 4 << 20,
  linebuffer: true,
  stdout: (line) => console.log(line),
});

function copy(from, to) {
  python.FS.mkdir(to);
  for (const name of fs.readdirSync(from)) {
    const source = path.join(from, name);
    const target = `${to}/${name}`;
    if (fs.statSync(source).isDirectory()) {
      if (name !== "__pycache__") copy(source, target);
    } else if (name.endsWith(".py")) {
      python.FS.writeFile(target, fs.readFileSync(source));
    }
  }
}

folders.forEach((folder, i) => copy(folder, `/${i}`));
const places = folders.map((_, i) => `/${i}`);
python.runPython(`import sys\nsys.path[:] = ${JSON.stringify([...places, ".frozen"])}`);
python.runPython(fs.readFileSync(script, "utf8"));
