package web.nginx_requests_test

import data.web.nginx_requests

line(text) := {"directive": words[0], "args": array.slice(words, 1, count(words))} if words := split(text, " ")

block(text, lines) := object.union(line(text), {"block": lines})

ids(doc) := {finding.id | some finding in findings} if findings := nginx_requests.deny with input as doc

one(text) := ids([block("http", [block("server", [line(text)])])])

within(text, texts) := ids([block(text, [line(inner) | some inner in texts])])

test_what_is_no_list_is_not_accepted if {
	nginx_requests.allow with input as []
	not nginx_requests.allow with input as {}
	not nginx_requests.allow with input as [block("location /a", [line("alias /b/")])]
}

test_locations_that_lead_out_are_told if {
	every text in ["location /static", "location ^~ /static"] {
		within(text, ["alias /srv/static/"]) == {"web/nginx_requests/alias-traversal"}
		within(text, ["alias /srv/static"]) == set()
		within(text, ["root /srv/static/"]) == set()
	}
	every text in ["location /static/", "location = /static", "location ~ ^/static", "location ^~ /static/", "location @static"] {
		within(text, ["alias /srv/static/"]) == set()
	}
}

test_decoded_addresses_in_headers_are_told if {
	every text in ["return 301 https://$host$uri", "return 302 ${document_uri}", "return https://a.example$uri", "add_header X-At $uri"] {
		one(text) == {"web/nginx_requests/response-splitting"}
	}
	every text in ["return 301 https://$host$request_uri", "return 200 $uri", "return 404", "add_header X-At $uri_known", "set $a $uri"] {
		one(text) == set()
	}
}

test_hosts_that_the_request_chooses_are_told if {
	every text in ["http://$arg_host", "https://${http_x_host}/a", "$cookie_backend", "http://$host:8080", "https://$request_uri", "http://$1", "HTTPS://$2/a"] {
		one(concat(" ", ["proxy_pass", text])) == {"web/nginx_requests/open-proxy"}
	}
	every text in ["http://$backend", "http://app$request_uri", "http://$host_known", "https://a.example/$arg_page"] {
		one(concat(" ", ["proxy_pass", text])) == set()
	}
}

test_credentials_for_any_origin_are_told if {
	credentials := "add_header Access-Control-Allow-Credentials true"
	origin := "add_header Access-Control-Allow-Origin $http_origin"
	within("server", [credentials, origin]) == {"web/nginx_requests/any-origin"}
	within("server", [origin]) == set()
	within("server", [credentials, "add_header Access-Control-Allow-Origin https://a.example"]) == set()
}

hsts := "add_header Strict-Transport-Security max-age=31536000 always"

nested(outer, inner) := ids([block("server", array.concat(
	[line(text) | some text in outer],
	[block("location /", [line(text) | some text in inner])],
))])

test_headers_that_are_not_inherited_are_told if {
	nested([hsts], ["add_header X-A b"]) == {"web/nginx_requests/lost-header"}
	nested([hsts], ["root /a"]) == set()
	nested([hsts], ["add_header X-A b", hsts]) == set()
	nested(["add_header X-B c"], ["add_header X-A b"]) == set()
	nested([hsts], ["add_header X-A b", "include headers.conf"]) == set()
	nested([hsts, "add_header_inherit merge"], ["add_header X-A b"]) == set()
}

bad := [
	line("user root"),
	block("http", [
		line("server_tokens on"),
		block("server", [
			line("listen 443 ssl"),
			line("server_name shop.example"),
			line("ssl_protocols TLSv1"),
			line("ssl_ciphers RC4-SHA"),
			line(hsts),
			block("location /a", [line("alias /b/"), line("autoindex on")]),
			block("location /b", [line("add_header X-A $uri"), line("proxy_pass http://$arg_a")]),
		]),
	]),
]

good := [
	line("user nginx"),
	block("http", [
		line("server_tokens off"),
		block("server", [line("listen 443 ssl"), line(hsts), block("location /a/", [line("alias /b/")])]),
	]),
]

test_bad_configuration_has_every_finding if {
	ids(bad) == {
		"web/nginx_requests/alias-traversal", "web/nginx_requests/lost-header", "web/nginx_requests/response-splitting",
		"web/nginx_requests/open-proxy",
	}
}

test_good_configuration_is_accepted if {
	ids(good) == set()
	nginx_requests.allow with input as good
	not nginx_requests.allow with input as bad
}

test_resource_is_where_it_stands if {
	findings := nginx_requests.deny with input as bad
	places := {finding.id: finding.resource | some finding in findings}
	places["web/nginx_requests/open-proxy"] == "http > server 443 shop.example > location /b"
}
