# METADATA
# title: Interfaces of AWS
# description: Who may call the methods and routes of API Gateway that a Terraform plan creates or changes.
# related_resources:
# - https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-control-access.html
# custom:
#   id: terraform/api_gateway
#   layer: L5
#   inputs: [terraform-plan, terraform]
#   owner: application-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:AC-3
#   - owasp-api-2023:API2
#   - iso-27001-2022:A.8.26
#   - soc2:CC6.1
#   remediation: Change the resource in Terraform and plan again.
package terraform.api_gateway

import data.lib.terraform as tf

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input that is no plan is not accepted.
allow if {
	is_array(input.resource_changes)
	count(deny) == 0
}

# METADATA
# title: Route without authorization
# description: >-
#   A method or route of API Gateway is called without authentication. OPTIONS is left alone, because browsers ask it
#   without credentials, and so are routes of WebSocket APIs but $connect, because AWS authorizes connections only there.
# custom:
#   id: terraform/api_gateway/open-route
#   layer: L5
#   severity: high
#   controls:
#   - nist-800-53r5:AC-3
#   - nist-800-53r5:IA-2
#   - owasp-api-2023:API2
#   - iso-27001-2022:A.8.26
#   remediation: Set an authorizer, or authorization AWS_IAM.
deny contains finding if {
	some change in tf.of_types({"aws_api_gateway_method", "aws_apigatewayv2_route"})
	route := change.change.after
	field := {"aws_api_gateway_method": "authorization", "aws_apigatewayv2_route": "authorization_type"}[change.type]
	tf.known(change, field)
	object.get(route, field, "NONE") == "NONE"
	not tf.is_true(object.get(route, "api_key_required", false))
	not startswith(object.get(route, "http_method", object.get(route, "route_key", "")), "OPTIONS")
	not within_connection(change)
	finding := tf.finding("terraform/api_gateway/open-route", change, sprintf("%s must not be NONE", [field]))
}

# What is sent over a WebSocket: a key without method and path. Both kinds of interfaces have $default.
within_connection(change) if {
	key := change.change.after.route_key
	not contains(key, " /")
	not key in {"$connect", "$default"}
}

within_connection(change) if {
	change.change.after.route_key == "$default"
	some api in tf.of_type("aws_apigatewayv2_api")
	api.change.after.protocol_type == "WEBSOCKET"
	not tf.about_another(change, api)
}
