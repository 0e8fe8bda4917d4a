// Reads the registry with ethers.js. Usage: node registry.mjs RPC REGISTRY CHAIN_ID, with STELE_PEERS naming the directory that
// node_modules lies in. Prints what is in force, sorted by policy; events and calls that disagree end it with 1.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const [url, address, chainId] = process.argv.slice(2);
const require = createRequire(join(resolve(process.env.STELE_PEERS), 'package.json'));
const { ethers } = require('ethers');

setTimeout(() => {
  console.error('no answer within a minute');
  process.exit(1);
}, 60_000).unref();

const provider = new ethers.JsonRpcProvider(url);
assert.equal((await provider.getNetwork()).chainId, BigInt(chainId));
const registry = new ethers.Contract(
  address,
  [
    'function policyCount() view returns (uint256)',
    'function policyList(uint256 offset, uint256 limit) view returns (bytes32[])',
    'function pathOf(bytes32 policyId) view returns (string)',
    `function active(bytes32 policyId) view returns (tuple(bytes32 proposalId, bytes32 version, bytes32 codeHash,
      address policyContract, uint64 blockNumber, uint64 time, uint64 epoch, bool isRollback, string uri))`,
    `event Activated(bytes32 indexed policyId, bytes32 indexed version, bytes32 indexed proposalId, address policyContract,
      bytes32 codeHash, uint64 epoch, address by)`,
  ],
  provider,
);

const activations = await registry.queryFilter('Activated', 0, 'latest');
const found = [];
for (const id of await registry.policyList(0, await registry.policyCount())) {
  const policy = await registry.pathOf(id);
  assert.equal(ethers.id(policy), id);
  const active = await registry.active(id);
  const event = activations.filter((one) => one.args.policyId === id).at(-1);
  assert.ok(event, `no event of ${policy}`);
  assert.equal(event.args.version, active.version, policy);
  assert.equal(event.args.proposalId, active.proposalId, policy);
  assert.equal(event.args.policyContract, active.policyContract, policy);
  assert.equal(event.args.epoch, active.epoch, policy);
  assert.equal(BigInt(event.blockNumber), active.blockNumber, policy);
  const block = await event.getBlock();
  assert.equal(BigInt(block.timestamp), active.time, policy);
  const receipt = await event.getTransactionReceipt();
  assert.equal(receipt.status, 1, policy);
  assert.equal(receipt.from, event.args.by, policy);
  assert.equal(ethers.keccak256(await provider.getCode(active.policyContract)), active.codeHash, policy);
  found.push({
    policy,
    version: active.version.slice(2),
    contract: active.policyContract,
    code_hash: active.codeHash,
  });
}
found.sort((left, right) => (left.policy < right.policy ? -1 : 1));
console.log(JSON.stringify(found));
