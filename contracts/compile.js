// Reads solc's standard JSON input from stdin and writes its standard JSON output to the file named as the argument.
// Called by `cargo xtask contracts`, which decides the settings; imports are looked up here and in node_modules.
"use strict";
const fs = require("fs");
const path = require("path");
const solc = require("solc");

function findImport(name) {
  for (const base of [__dirname, path.join(__dirname, "node_modules")]) {
    const file = path.join(base, name);
    if (file.startsWith(base + path.sep) && fs.existsSync(file)) {
      return { contents: fs.readFileSync(file, "utf8") };
    }
  }
  return { error: `${name} is neither in contracts/ nor in contracts/node_modules/` };
}

const input = fs.readFileSync(0, "utf8");
const output = JSON.parse(solc.compile(input, { import: findImport }));
fs.writeFileSync(process.argv[2], JSON.stringify({ version: solc.version(), ...output }));
