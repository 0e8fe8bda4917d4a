// Drives a node with ethers.js, as a dapp would. Usage: node ethers.js URL PRIVATE_KEY PROBE_JSON
// Prints "ok" when everything holds; exits with 1 and a message otherwise.
'use strict';
const assert = require('assert');
const fs = require('fs');
const { ethers } = require('ethers');

async function main(url, key, file) {
  const { abi, bytecode } = JSON.parse(fs.readFileSync(file, 'utf8'));
  const provider = new ethers.JsonRpcProvider(url, undefined, { pollingInterval: 25, cacheTimeout: -1 });
  const wallet = new ethers.Wallet(key, provider);
  const network = await provider.getNetwork();
  assert.strictEqual(network.chainId, 359966n);

  const factory = new ethers.ContractFactory(abi, bytecode, wallet);
  const probe = await factory.deploy(5n);
  await probe.waitForDeployment();
  const address = await probe.getAddress();
  assert.strictEqual(await probe.origin(), 5n);
  assert.ok((await provider.getCode(address)).length > 100);

  // Reading logs by query, and hearing of them by polling.
  let tell;
  const heard = new Promise((resolve) => (tell = resolve));
  await probe.once('Stored', (by, slot, value) => tell([by, slot, value]));
  const response = await probe.store(7n, 77n);
  const receipt = await response.wait();
  assert.strictEqual(receipt.status, 1);
  assert.strictEqual(receipt.logs.length, 1);
  assert.strictEqual(receipt.logs[0].fragment.name, 'Stored');
  const timeout = new Promise((_, reject) => setTimeout(() => reject(new Error('no event heard')), 10000).unref());
  const [by, slot, value] = await Promise.race([heard, timeout]);
  assert.deepStrictEqual([by, slot, value], [wallet.address, 7n, 77n]);
  const found = await probe.queryFilter(probe.filters.Stored(wallet.address, 7n), 0, 'latest');
  assert.strictEqual(found.length, 1);
  assert.strictEqual(found[0].args.value, 77n);

  // Blocks and transactions.
  const block = await provider.getBlock(receipt.blockNumber, true);
  assert.strictEqual(block.hash, receipt.blockHash);
  assert.strictEqual(block.prefetchedTransactions[0].hash, response.hash);
  assert.strictEqual(block.prefetchedTransactions[0].from, wallet.address);
  const transaction = await provider.getTransaction(response.hash);
  assert.strictEqual(ethers.Transaction.from(transaction).hash, response.hash, 'the fields hash to the hash');
  const fees = await provider.getFeeData();
  assert.strictEqual(fees.gasPrice, 0n); // ethers takes a base fee of zero for none and sends legacy transactions

  // Errors as ethers tells them apart.
  await assert.rejects(probe.failText(), (error) => error.code === 'CALL_EXCEPTION' && error.reason === 'no way');
  await assert.rejects(probe.failCustom(9n), (error) => error.revert.name === 'Refused' && error.revert.args[1] === 9n);
  await assert.rejects(probe.failPanic(0n), (error) => error.code === 'CALL_EXCEPTION' && /panic|DIVIDE/i.test(error.message));
  await assert.rejects(probe.failAfterWork(1n), (error) => error.code === 'CALL_EXCEPTION');
  const reverted = await probe.failAfterWork(1n, { gasLimit: 200000n });
  await assert.rejects(reverted.wait(), (error) => error.code === 'CALL_EXCEPTION' && error.receipt.status === 0);
  const used = { to: address, nonce: 0, gasLimit: 100000n };
  await assert.rejects(wallet.sendTransaction(used), (error) => error.code === 'NONCE_EXPIRED');
  const poor = ethers.Wallet.createRandom().connect(provider);
  const gift = { to: address, value: 1n, gasLimit: 100000n };
  await assert.rejects(poor.sendTransaction(gift), (error) => error.code === 'INSUFFICIENT_FUNDS');

  // A key without any balance can transact: the base fee is zero and the node suggests no tip.
  const free = await (await probe.connect(poor).store(8n, 88n)).wait();
  assert.strictEqual(free.status, 1);
  assert.strictEqual(free.fee, 0n);

  const signed = await wallet.signTransaction(await wallet.populateTransaction({ to: poor.address, value: 5n, type: 0 }));
  await (await provider.broadcastTransaction(signed)).wait();
  assert.strictEqual(await provider.getBalance(poor.address), 5n);
  provider.destroy();
}

main(...process.argv.slice(2)).then(
  () => console.log('ok'),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
