// Run Python on a 32-bit MicroPython: node run.mjs PACKAGE SCRIPT FOLDER...
// PACKAGE: folder of MicroPython's WebAssembly port; the .py files of the FOLDERs, which are /0, /1, ...
// there, are on its path; SCRIPT is a file, run as main.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [home, script, ...folders] = process.argv.slice(2);
const { loadMicroPython } = await import(pathToFileURL(path.join(home, "micropython.mjs")));
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
