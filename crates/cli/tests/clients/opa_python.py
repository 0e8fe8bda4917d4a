"""A Python client of OPA against a node.

Usage: opa_python.py URL EXAMPLES POLICIES. Checks the answers; prints the ids of two decisions with their results. Any difference ends
it with 1.
"""

import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

import requests
from opa_client.errors import (
    DeleteDataError,
    DeletePolicyError,
    PatchDataError,
    PolicyNotFoundError,
    RegoParseError,
)
from opa_client.opa import OpaClient


def equal(what, actual, expected):
    if actual != expected:
        sys.exit(f"{what}: {actual!r} instead of {expected!r}")


def holds(what, condition, context=""):
    if not condition:
        sys.exit(f"{what} does not hold: {context}")


def refused(what, kind, code, text, attempt):
    try:
        answer = attempt()
    except kind as error:
        equal(f"code of {what}", error.expression, code)
        holds(f"message of {what} says {text}", text in error.message, error.message)
        return
    sys.exit(f"{what} was not refused: {answer!r}")


def http_error(what, status, text, attempt):
    try:
        answer = attempt()
    except requests.HTTPError as error:
        equal(f"status of {what}", error.response.status_code, status)
        holds(f"body of {what} says {text}", text in error.response.text, error.response.text)
        return
    sys.exit(f"{what} was not refused: {answer!r}")


def main(url, examples, policies):
    def example(name):
        return json.loads((Path(examples) / name).read_text())["input"]

    read = example("http/read-document.json")
    remove = example("http/delete-foreign-document.json")
    privileged = example("kubernetes/pod-privileged.json")
    place = urlsplit(url)
    with OpaClient(host=place.hostname, port=place.port, timeout=30) as opa:
        surroundings(opa)
        listing(opa, int(policies))
        told = decisions(opa, read, remove, privileged)
        queries(opa, read, remove)
        mutations(opa)
    print(json.dumps(told))


def surroundings(opa):
    equal("connection", opa.check_connection(), True)
    equal("health", opa.check_health(), True)
    equal("health of everything", opa.check_health({"bundles": "true", "plugins": "true"}), True)
    equal("readiness", opa.wait_for_ready(), True)
    equal("configuration", opa.get_config()["result"]["default_decision"], "http/authz")
    holds("status", "anchor" in opa.get_status()["result"])


def listing(opa, count):
    modules = opa.get_policies_list()
    policies = {module.split("@")[0] for module in modules}
    equal("number of policies", len(policies), count)
    holds("http/authz is listed", "http/authz" in policies, modules)
    for module in modules:
        text = opa.get_policy(module)["result"]["raw"]
        holds(f"{module} is Rego", "\npackage " in "\n" + text, text)
    holds("a policy is read by its id", "package http.authz" in opa.get_policy("http/authz")["result"]["raw"])
    refused(
        "an unknown policy", PolicyNotFoundError, "resource_not_found", "none/such", lambda: opa.get_policy("none/such")
    )


def decisions(opa, read, remove, privileged):
    told = {}
    for body, expected in ((read, True), (remove, False)):
        answer = opa.query_rule(body, "http.authz", "allow")
        equal("decision", answer["result"], expected)
        told[answer["decision_id"]] = answer["result"]
    admission = opa.query_rule(privileged, "kubernetes.admission")["result"]
    equal("admission", admission["allow"], False)
    findings = {finding["id"] for finding in admission["deny"]}
    holds("the privileged container is found", "kubernetes/admission/privileged" in findings, findings)
    undefined = opa.query_rule(read, "no.such.policy")
    holds("undefined has no result", "result" not in undefined, undefined)
    explained = opa.query_rule(read, "http.authz", "allow", {"explain": "full", "metrics": "true"})
    equal("explained decision", explained["result"], True)
    holds("explanation", any("allow" in str(event["node"]) for event in explained["explanation"]), explained)
    holds("metrics", explained["metrics"], explained)
    equal("data by GET", opa.get_data("http/authz/allow")["result"], False)
    refused(
        "undefined data", PolicyNotFoundError, "PolicyNotFoundError", "not found", lambda: opa.get_data("no/such/policy")
    )
    counted = opa.get_metrics()
    for decision in ("allow", "deny"):
        sample = f'\nstele_decisions_total{{policy_id="http/authz",decision="{decision}"}} '
        holds(f"decisions that {decision} are counted", sample in counted, counted)
    return told


def queries(opa, read, remove):
    equal("query", opa.ad_hoc_query("x := data.http.authz.allow", read), {"result": [{"x": True}]})
    equal("query that fails", opa.ad_hoc_query("data.http.authz.allow == true", remove), {})
    many = opa.bulk_query_rule({"read": read, "remove": remove}, "http.authz", "allow")
    equal("bulk query", many, {"read": True, "remove": False})
    http_error("a malformed query", 400, "rego_parse_error", lambda: opa.ad_hoc_query("x := "))
    left = opa.compile_query("data.http.authz.allow == true")
    holds("partial evaluation", len(left["result"]["queries"]) > 0, left)


def mutations(opa):
    way = "stele policy propose"
    code = "invalid_operation"
    rego = "package http.authz\n\nallow := true\n"
    refused("an upload", RegoParseError, code, way, lambda: opa.update_policy_from_string(rego, "http/authz"))
    refused("a removal", DeletePolicyError, code, way, lambda: opa.delete_policy("http/authz"))
    refused("new data", RegoParseError, code, way, lambda: opa.update_or_create_data({"a": 1}, "config"))
    patch = [{"op": "add", "path": "/a", "value": 1}]
    refused("patched data", PatchDataError, code, way, lambda: opa.patch_data("config", patch))
    refused("removed data", DeleteDataError, code, way, lambda: opa.delete_data("config"))
    equal("the policy is as it was", opa.get_data("http/authz/allow")["result"], False)


main(*sys.argv[1:])
