# METADATA
# title: Alerts and who hears of them
# description: >-
#   Alerting rules of Prometheus, as files or as PrometheusRule objects, and the configuration of Alertmanager: an alert
#   needs a severity, a runbook, patience, and somebody who hears of it.
# related_resources:
# - https://prometheus.io/docs/practices/alerting/
# custom:
#   id: observability/alerts
#   layer: L8
#   inputs: [kubernetes, yaml]
#   owner: security-operations
#   severity: medium
#   enforcement: deny
#   controls:
#   - nist-800-53r5:SI-4
#   - nist-800-53r5:IR-4
#   - iso-27001-2022:A.8.16
#   - soc2:CC7.3
#   remediation: Complete the alert, or the route.
package observability.alerts

default allow := false

# METADATA
# title: Accept what nothing denies
allow if count(deny) == 0

named(id, name, message) := {"id": id, "msg": sprintf("%s: %s", [name, message]), "resource": name}

groups contains group if some group in input.groups

groups contains group if {
	input.kind == "PrometheusRule"
	some group in input.spec.groups
}

alerts contains rule if {
	some group in groups
	some rule in group.rules
	is_string(rule.alert)
	rule.expr
}

# An alert that always fires tells that alerting works; it has neither patience nor a runbook.
watchdog(rule) if rule.alert in {"DeadMansSwitch", "InfoInhibitor", "Watchdog"}

# METADATA
# title: Alert without severity
# description: Nobody can route an alert that does not say how bad it is.
# custom:
#   id: observability/alerts/no-severity
#   severity: medium
#   controls:
#   - nist-800-53r5:IR-5
#   - nist-800-53r5:SI-4(5)
#   - iso-27001-2022:A.5.25
#   - pci-dss-4.0:12.10.5
#   remediation: Add labels.severity.
deny contains finding if {
	some rule in alerts
	not rule.labels.severity
	finding := named("observability/alerts/no-severity", rule.alert, "the alert must have labels.severity")
}

# METADATA
# title: Alert without runbook
# description: Whoever is woken by an alert finds no word on what to do.
# custom:
#   id: observability/alerts/no-runbook
#   severity: medium
#   controls:
#   - nist-800-53r5:IR-8
#   - nist-800-53r5:IR-4
#   - iso-27001-2022:A.5.26
#   - iso-27001-2022:A.5.37
#   - soc2:CC7.4
#   remediation: Add annotations.runbook_url.
deny contains finding if {
	some rule in alerts
	not watchdog(rule)
	not has_runbook(rule)
	finding := named("observability/alerts/no-runbook", rule.alert, "the alert must have annotations.runbook_url")
}

has_runbook(rule) if {
	some name in ["runbook", "runbook_url"]
	rule.annotations[name] != ""
}

# METADATA
# title: Alert that says nothing
# description: An alert has neither summary nor description nor message.
# custom:
#   id: observability/alerts/no-summary
#   severity: low
#   enforcement: warn
#   controls:
#   - nist-800-53r5:IR-5
#   - iso-27001-2022:A.8.16
#   remediation: Add annotations.summary.
warn contains finding if {
	some rule in alerts
	texts := [text | some name in ["description", "message", "summary"]; text := rule.annotations[name]; text != ""]
	count(texts) == 0
	finding := named("observability/alerts/no-summary", rule.alert, "the alert should have annotations.summary")
}

# METADATA
# title: Alert without patience
# description: An alert fires at the first sample; alerts that come and go are ignored.
# custom:
#   id: observability/alerts/no-patience
#   severity: low
#   enforcement: warn
#   controls:
#   - nist-800-53r5:SI-4(5)
#   remediation: Add for, for instance 5m.
warn contains finding if {
	some rule in alerts
	not watchdog(rule)
	object.get(rule, "for", "0s") in {"", "0", "0m", "0s"}
	finding := named("observability/alerts/no-patience", rule.alert, "the alert should have a for")
}

# A configuration of Alertmanager: a route and those who hear of what it lets through.
receivers[receiver.name] := receiver if {
	is_object(input.route)
	some receiver in input.receivers
}

# METADATA
# title: Alerts that nobody hears
# description: The default route of Alertmanager leads to a receiver that is not defined, or tells nobody.
# custom:
#   id: observability/alerts/no-receiver
#   severity: high
#   controls:
#   - nist-800-53r5:IR-6
#   - nist-800-53r5:SI-4(5)
#   - iso-27001-2022:A.5.24
#   - soc2:CC7.3
#   - pci-dss-4.0:12.10.5
#   remediation: Give the default receiver a configuration such as email_configs or pagerduty_configs.
deny contains finding if {
	is_array(input.receivers)
	name := input.route.receiver
	channels := {key | some key, list in receivers[name]; endswith(key, "_configs"); count(list) > 0}
	count(channels) == 0
	finding := named("observability/alerts/no-receiver", name, "the default receiver tells nobody")
}

# METADATA
# title: Alert over plain HTTP
# description: >-
#   A receiver is told over the network without TLS; whoever is on the way reads what is wrong, and can hold it back.
# custom:
#   id: observability/alerts/plain-webhook
#   severity: medium
#   controls:
#   - nist-800-53r5:SC-8
#   - iso-27001-2022:A.8.24
#   remediation: Use an https address.
deny contains finding if {
	some name, receiver in receivers
	some hook in receiver.webhook_configs
	startswith(hook.url, "http://")
	not regex.match(`^http://(localhost|127\.0\.0\.1|[a-z0-9.-]+\.svc(\.cluster\.local)?)([:/]|$)`, hook.url)
	finding := named("observability/alerts/plain-webhook", name, sprintf("%s must use https", [hook.url]))
}
