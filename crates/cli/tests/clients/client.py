"""The Python client of OPA's REST API against a node: client.py HOST PORT EXAMPLES"""

import json
import pathlib
import sys

from opa_client.opa import OpaClient

host, port, examples = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
client = OpaClient(host=host, port=port)


def document(name):
    return json.loads((examples / name).read_text())["input"]


assert client.check_health(), "health"
answer = client.query_rule(input_data=document("kubernetes/pod-hardened.json"), package_path="kubernetes.admission", rule_name="allow")
assert answer["result"] is True, answer
answer = client.query_rule(input_data=document("kubernetes/pod-privileged.json"), package_path="kubernetes.admission", rule_name="allow")
assert answer["result"] is False, answer
assert answer["decision_id"], answer
policies = client.get_policies_list()
assert any("kubernetes/admission" in name for name in policies), policies
try:
    client.update_policy_from_string("package a\n\nallow := true\n", "a")
except Exception as error:  # noqa: BLE001: whatever the client makes of a refusal
    assert "registry" in str(error) or "405" in str(error) or "403" in str(error), error
else:
    raise AssertionError("a policy was put in force without the registry")
print("ok")
