package observability.alerts_test

import data.observability.alerts

found(doc) := result if {
	denied := alerts.deny with input as doc
	warned := alerts.warn with input as doc
	result := {finding.id | some finding in (denied | warned)}
}

rules(list) := {"groups": [{"name": "shop", "rules": list}]}

sound := {
	"alert": "ErrorsHigh",
	"expr": "job:errors:rate5m > 0.01",
	"for": "5m",
	"labels": {"severity": "page"},
	"annotations": {"summary": "many errors", "runbook_url": "https://runbooks.corp.example/errors"},
}

routes(receiver) := {"route": {"receiver": "oncall"}, "receivers": [receiver]}

bad := [
	rules([{"alert": "ErrorsHigh", "expr": "job:errors:rate5m > 0.01"}]),
	routes({"name": "oncall"}),
	routes({"name": "oncall", "webhook_configs": [{"url": "http://alerts.corp.example/hook"}]}),
]

good := [
	rules([{"record": "job:errors:rate5m", "expr": "sum(rate(errors[5m]))"}, sound]),
	{"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": {"name": "shop"}, "spec": rules([sound])},
	routes({"name": "oncall", "pagerduty_configs": [{"routing_key_file": "/etc/alertmanager/key"}]}),
]

ids := {
	"observability/alerts/no-severity", "observability/alerts/no-runbook", "observability/alerts/no-summary",
	"observability/alerts/no-patience", "observability/alerts/no-receiver", "observability/alerts/plain-webhook",
}

test_bad_files_have_every_finding if {
	seen := {id | some doc in bad; some id in found(doc)}
	seen == ids
	every doc in bad {
		not alerts.allow with input as doc
	}
}

test_good_files_are_accepted if {
	every doc in good {
		found(doc) == set()
		alerts.allow with input as doc
	}
}

test_message_names_the_alert if {
	alerts.deny == {{
		"id": "observability/alerts/no-runbook",
		"msg": "ErrorsHigh: the alert must have annotations.runbook_url",
		"resource": "ErrorsHigh",
	}} with input as rules([object.union(object.remove(sound, ["annotations"]), {"annotations": {"summary": "many errors"}})])
}

test_objects_of_the_operator_count if {
	doc := {"kind": "PrometheusRule", "spec": rules([object.remove(sound, ["labels"])])}
	found(doc) == {"observability/alerts/no-severity"}
}

test_the_watchdog_needs_no_runbook if {
	watchdog := {"alert": "Watchdog", "expr": "vector(1)", "labels": {"severity": "none"}, "annotations": {"summary": "alerting works"}}
	found(rules([watchdog])) == set()
}

test_webhooks_inside_the_cluster_are_accepted if {
	every url in ["https://a.example/x", "http://localhost:9000/x", "http://sms.monitoring.svc:8080/x", "http://a.b.svc.cluster.local"] {
		found(routes({"name": "oncall", "webhook_configs": [{"url": url}]})) == set()
	}
}

test_other_documents_are_accepted if {
	every doc in [{}, {"groups": null}, {"groups": [{"name": "users"}]}, {"route": "a"}, {"kind": "Pod", "spec": {}}, [1]] {
		found(doc) == set()
	}
}
