// OPA's own JavaScript client against a node: client.mjs NODE_MODULES URL EXAMPLES
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";

const [modules, url, examples] = process.argv.slice(2);
const { OPAClient } = createRequire(`${modules}/`)("@open-policy-agent/opa");
const opa = new OPAClient(url);
const input = (name) => JSON.parse(readFileSync(`${examples}/${name}`, "utf8")).input;

assert.equal(await opa.evaluate("kubernetes/admission/allow", input("kubernetes/pod-hardened.json")), true);
assert.equal(await opa.evaluate("kubernetes/admission/allow", input("kubernetes/pod-privileged.json")), false);
const denied = await opa.evaluate("kubernetes/admission/deny", input("kubernetes/pod-privileged.json"));
assert.ok(denied.some((finding) => finding.id === "kubernetes/admission/privileged"), JSON.stringify(denied));
assert.equal(await opa.evaluate("http/authz/allow", input("http/read-document.json")), true);
assert.equal(await opa.evaluate("no/such/policy", {}), undefined);
console.log("ok");
