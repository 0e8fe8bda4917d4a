// OPA's TypeScript client against a node. Usage: node opa_client.mjs URL EXAMPLES POLICIES, with STELE_PEERS naming the directory that
// node_modules lies in. Checks the answers; prints the ids of two decisions with their results. Any difference ends it with 1.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const [url, examples] = process.argv.slice(2);
const require = createRequire(join(resolve(process.env.STELE_PEERS), 'package.json'));
const { OPAClient } = require('@open-policy-agent/opa');
const { OpaApiClient } = require('@open-policy-agent/opa/sdk/index.js');
const { ClientError } = require('@open-policy-agent/opa/sdk/models/errors');

setTimeout(() => {
  console.error('no answer within a minute');
  process.exit(1);
}, 60_000).unref();

const input = (name) => JSON.parse(readFileSync(join(examples, name))).input;
const read = input('http/read-document.json');
const remove = input('http/delete-foreign-document.json');
const privileged = input('kubernetes/pod-privileged.json');
const hardened = input('kubernetes/pod-hardened.json');

const opa = new OPAClient(url, { headers: { 'Stele-Actor': 'opa-client-test' } });
const sdk = new OpaApiClient({ serverURL: url });

// Decisions, allowed and denied.
assert.equal(await opa.evaluate('http/authz/allow', read), true);
assert.equal(await opa.evaluate('http/authz/allow', remove), false);
assert.equal(await opa.evaluate('kubernetes/admission/allow', hardened), true);
const denied = await opa.evaluate('kubernetes/admission', privileged);
assert.equal(denied.allow, false);
const privilege = denied.deny.find((finding) => finding.id === 'kubernetes/admission/privileged');
assert.equal(privilege?.resource, 'Pod/payments/debug-shell', JSON.stringify(denied.deny));

// What callers wrap around them.
class Request {
  constructor(of) {
    this.of = of;
  }
  toInput() {
    return this.of;
  }
}
assert.equal(await opa.evaluate('http/authz/allow', new Request(read)), true);
const verdict = await opa.evaluate('http/authz', remove, { fromResult: (all) => (all.allow ? 'yes' : 'no') });
assert.equal(verdict, 'no');

// Without input the rule's default holds; where nothing is in force the document is undefined.
assert.equal(await opa.evaluate('http/authz/allow'), false);
assert.equal(await opa.evaluate('no/such/policy', read), undefined);

// The default decision: the bare document.
assert.equal((await opa.evaluateDefault(read)).allow, true);
assert.equal((await opa.evaluateDefault(remove)).allow, false);

// There is no batch endpoint, as in OPA itself: the client asks one by one.
const batch = await opa.evaluateBatch('http/authz/allow', { read, remove }, { fallback: true });
assert.deepEqual(batch, { read: true, remove: false });

// Health, plain and of everything.
assert.ok((await sdk.health()).healthyServer);
assert.ok((await sdk.health(true, true)).healthyServer);

// Errors arrive as the client's own, with code and message.
await assert.rejects(opa.evaluate('http//authz', read), (error) => {
  assert.ok(error instanceof ClientError, String(error));
  assert.equal(error.code, 'invalid_parameter');
  assert.match(error.message, /empty segment/);
  return true;
});

// The low-level client checks every member of the answer against OPA's schema.
const told = {};
for (const [body, expected] of [[read, true], [remove, false]]) {
  const { successfulPolicyResponse: answer } = await sdk.executePolicyWithInput({
    path: 'http/authz/allow',
    requestBody: { input: body },
    provenance: true,
    metrics: true,
    instrument: true,
  });
  assert.equal(answer.result, expected);
  assert.match(answer.decisionId, /^[0-9a-f-]{36}$/);
  assert.match(answer.provenance.bundles['http/authz'].revision, /^[0-9a-f]{64}$/);
  assert.ok(Object.keys(answer.metrics).length > 0);
  told[answer.decisionId] = answer.result;
}
console.log(JSON.stringify(told));
