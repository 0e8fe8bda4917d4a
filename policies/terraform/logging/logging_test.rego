package terraform.logging_test

import data.lib.terraform_test as plans
import data.terraform.logging

found(doc) := result if {
	denied := logging.deny with input as doc
	warned := logging.warn with input as doc
	result := {finding.id | some finding in (denied | warned)}
}

trail(regions, key) := plans.change("aws_cloudtrail", {
	"enable_log_file_validation": true,
	"enable_logging": true,
	"is_multi_region_trail": regions,
	"kms_key_id": key,
})

balancer(enabled) := plans.change("aws_lb", {"access_logs": [{"bucket": "logs", "enabled": enabled}]})

alarm(actions) := plans.change("aws_cloudwatch_metric_alarm", {"actions_enabled": true, "alarm_actions": actions})

cluster(types) := plans.change("aws_eks_cluster", {"enabled_cluster_log_types": types})

group(days) := plans.change("aws_cloudwatch_log_group", {"retention_in_days": days})

network := plans.change("aws_vpc", {"cidr_block": "10.0.0.0/16"})

bad := plans.plan([network, trail(false, null), balancer(false), alarm([]), cluster(["api"]), group(3)])

good := plans.plan([
	network,
	plans.change("aws_flow_log", {"traffic_type": "ALL"}),
	trail(true, "arn:aws:kms:eu-west-1:123456789012:key/1"),
	balancer(true),
	alarm(["arn:aws:sns:eu-west-1:123456789012:oncall"]),
	cluster(["api", "audit"]),
	group(365),
])

ids := {
	"terraform/logging/trail", "terraform/logging/trail-key", "terraform/logging/flow-log",
	"terraform/logging/load-balancer", "terraform/logging/silent-alarm", "terraform/logging/cluster",
	"terraform/logging/retention",
}

gke(after) := plans.plan([plans.change("google_container_cluster", after)])

test_clusters_of_gke_must_log if {
	every after in [
		{"logging_service": "none"}, {"logging_service": "None"}, {"logging_config": [{"enable_components": []}]},
	] {
		found(gke(after)) == {"terraform/logging/cluster"}
	}
	every after in [
		{}, {"logging_service": "logging.googleapis.com/kubernetes"}, {"logging_service": null}, {"logging_config": []},
		{"logging_config": [{"enable_components": ["SYSTEM_COMPONENTS"]}]}, {"logging_config": [{"enable_components": null}]},
	] {
		found(gke(after)) == set()
	}
}

test_bad_plan_has_every_finding if found(bad) == ids

test_text_and_numbers_are_converted if {
	every spelled in [plans.as_text(bad), plans.as_numbers(bad)] {
		found(spelled) == found(bad)
	}
	found(plans.as_text(good)) == set()
}

test_good_plan_is_accepted if {
	found(good) == set()
	logging.allow with input as good
	not logging.allow with input as bad
	not logging.allow with input as {}
}

test_message_names_the_attribute if {
	logging.deny == {{
		"id": "terraform/logging/trail",
		"msg": "aws_cloudtrail.x: is_multi_region_trail must be true",
		"resource": "aws_cloudtrail.x",
	}} with input as plans.plan([trail(false, "key")])
}

test_defaults_of_a_trail_count if {
	messages := {finding.msg | some finding in logging.deny} with input as plans.one("aws_cloudtrail", {"kms_key_id": "key"})
	messages == {
		"aws_cloudtrail.x: enable_log_file_validation must be true",
		"aws_cloudtrail.x: is_multi_region_trail must be true",
	}
}

test_a_change_without_values_has_none_set if {
	every type, id in {"aws_cloudtrail": "terraform/logging/trail-key", "aws_cloudwatch_metric_alarm": "terraform/logging/silent-alarm"} {
		bare := object.union(object.remove(plans.change(type, {}), ["change"]), {"change": {"actions": ["create"]}})
		id in found(plans.plan([bare]))
	}
}

test_logs_without_a_period_are_kept if {
	every days in [0, null] {
		found(plans.plan([group(days)])) == set()
	}
}

test_alarms_that_a_composite_one_tells_of_are_accepted if {
	composite := plans.change("aws_cloudwatch_composite_alarm", {"alarm_actions": ["arn:aws:sns:eu-west-1:123456789012:oncall"]})
	found(plans.plan([alarm([]), composite])) == set()
	off := plans.change("aws_cloudwatch_metric_alarm", {"actions_enabled": false, "alarm_actions": ["arn"]})
	found(plans.plan([off, composite])) == {"terraform/logging/silent-alarm"}
}

test_unknown_values_are_not_judged if {
	found(plans.later("aws_lb", ["access_logs"])) == set()
	found(plans.later("aws_cloudwatch_metric_alarm", ["alarm_actions"])) == set()
	found(plans.later("aws_eks_cluster", ["enabled_cluster_log_types"])) == set()
}

test_null_is_the_providers_default if {
	sound := {"enable_log_file_validation": true, "is_multi_region_trail": true, "kms_key_id": "key"}
	found(plans.one("aws_cloudtrail", sound)) == set()
	found(plans.one("aws_cloudtrail", object.union(sound, {"enable_logging": null}))) == set()
	every field in ["enable_log_file_validation", "is_multi_region_trail"] {
		found(plans.one("aws_cloudtrail", object.union(sound, {field: null}))) == {"terraform/logging/trail"}
	}
	found(plans.one("aws_cloudtrail", object.union(sound, {"enable_logging": false}))) == {"terraform/logging/trail"}
}

vpc(name) := object.union(plans.change("aws_vpc", {}), {"name": name, "address": sprintf("aws_vpc.%s", [name])})

flows(references) := {"configuration": {"root_module": {"resources": [{
	"type": "aws_flow_log", "name": "x", "expressions": {"vpc_id": {"references": references}},
}]}}}

unlogged(doc) := {finding.resource |
	some finding in logging.warn with input as doc
	finding.id == "terraform/logging/flow-log"
}

test_flow_logs_are_of_the_network_that_they_name if {
	log := object.union(plans.change("aws_flow_log", {"traffic_type": "ALL"}), {"name": "x", "change": {"actions": ["no-op"]}})
	two := plans.plan([vpc("a"), vpc("b"), log])
	unlogged(two) == set()
	unlogged(object.union(two, flows(["aws_vpc.a.id", "aws_vpc.a"]))) == {"aws_vpc.b"}
	unlogged(object.union(two, flows(["aws_subnet.a.id", "aws_subnet.a"]))) == set()
}
