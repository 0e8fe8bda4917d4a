// Compiles tests/data/Probe.sol to tests/data/Probe.json with the solc package of the peers directory.
// Usage: NODE_PATH=target/peers/node_modules node crates/chain/tests/js/compile.js
'use strict';
const fs = require('fs');
const path = require('path');
const solc = require('solc');

const data = path.join(__dirname, '..', 'data');
const input = {
  language: 'Solidity',
  sources: { 'Probe.sol': { content: fs.readFileSync(path.join(data, 'Probe.sol'), 'utf8') } },
  settings: {
    evmVersion: 'cancun',
    optimizer: { enabled: true, runs: 200 },
    metadata: { bytecodeHash: 'none', appendCBOR: false },
    outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
  },
};
const output = JSON.parse(solc.compile(JSON.stringify(input)));
const errors = (output.errors || []).filter((entry) => entry.severity === 'error');
if (errors.length > 0) {
  for (const entry of errors) console.error(entry.formattedMessage);
  process.exit(1);
}
const probe = output.contracts['Probe.sol'].Probe;
const result = { abi: probe.abi, bytecode: '0x' + probe.evm.bytecode.object };
fs.writeFileSync(path.join(data, 'Probe.json'), JSON.stringify(result, null, 1) + '\n');
