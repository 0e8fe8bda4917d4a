package terraform.api_gateway_test

import data.lib.terraform_test as plans
import data.terraform.api_gateway as gateway

found(doc) := result if {
	denied := gateway.deny with input as doc
	result := {finding.id | some finding in denied}
}

method(authorization) := plans.one("aws_api_gateway_method", {"http_method": "POST", "authorization": authorization})

bad := method("NONE")

good := method("AWS_IAM")

open_route := {"terraform/api_gateway/open-route"}

test_bad_plan_is_denied if {
	found(bad) == open_route
	not gateway.allow with input as bad
}

test_good_plan_is_accepted if {
	found(good) == set()
	gateway.allow with input as good
	not gateway.allow with input as {}
}

test_message_names_the_attribute if {
	gateway.deny == {{
		"id": "terraform/api_gateway/open-route",
		"msg": "aws_api_gateway_method.x: authorization must not be NONE",
		"resource": "aws_api_gateway_method.x",
	}} with input as bad
}

test_preflight_requests_need_no_authorization if {
	found(plans.one("aws_api_gateway_method", {"http_method": "OPTIONS", "authorization": "NONE"})) == set()
	route := {"route_key": "OPTIONS /orders", "authorization_type": "NONE"}
	found(plans.one("aws_apigatewayv2_route", route)) == set()
	open := object.union(route, {"route_key": "$default"})
	found(plans.one("aws_apigatewayv2_route", open)) == {"terraform/api_gateway/open-route"}
	found(plans.one("aws_apigatewayv2_route", object.union(open, {"api_key_required": true}))) == set()
}

test_key_that_is_required_may_be_text if {
	route := {"http_method": "GET", "authorization": "NONE", "api_key_required": "true"}
	found(plans.one("aws_api_gateway_method", route)) == set()
}

test_routes_are_open_unless_they_say_more if {
	open := {"terraform/api_gateway/open-route"}
	found(plans.one("aws_apigatewayv2_route", {"route_key": "GET /"})) == open
	found(plans.one("aws_apigatewayv2_route", {"route_key": "OPTIONS /"})) == set()
	found(plans.one("aws_apigatewayv2_route", {"route_key": "GET /", "authorization_type": "JWT"})) == set()
	found(plans.later("aws_apigatewayv2_route", ["authorization_type"])) == set()
}

keyed(key, rest) := object.union(plans.change("aws_apigatewayv2_route", {"route_key": key, "authorization_type": "NONE"}), rest)

api(name, protocol) := object.union(
	plans.change("aws_apigatewayv2_api", {"protocol_type": protocol}),
	{"name": name, "address": sprintf("aws_apigatewayv2_api.%s", [name])},
)

test_connections_are_authorized_when_they_are_made if {
	found(plans.plan([keyed("$connect", {})])) == open_route
	every key in ["$disconnect", "sendmessage", "join-room"] {
		found(plans.plan([keyed(key, {})])) == set()
	}
	every key in ["ANY /{proxy+}", "GET /orders", "$default"] {
		found(plans.plan([keyed(key, {})])) == open_route
	}
}

of_api(name) := {"configuration": {"root_module": {"resources": [{
	"type": "aws_apigatewayv2_route", "name": "x",
	"expressions": {"api_id": {"references": [sprintf("aws_apigatewayv2_api.%s.id", [name]), sprintf("aws_apigatewayv2_api.%s", [name])]}},
}]}}}

test_default_routes_are_of_their_api if {
	default_route := keyed("$default", {"name": "x"})
	found(plans.plan([default_route, api("chat", "WEBSOCKET")])) == set()
	found(plans.plan([default_route, api("web", "HTTP")])) == open_route
	both := plans.plan([default_route, api("chat", "WEBSOCKET"), api("web", "HTTP")])
	found(object.union(both, of_api("chat"))) == set()
	found(object.union(both, of_api("web"))) == open_route
}
