package web.nginx_test

import data.web.nginx

line(text) := {"directive": words[0], "args": array.slice(words, 1, count(words))} if words := split(text, " ")

block(text, lines) := object.union(line(text), {"block": lines})

ids(doc) := {finding.id | some finding in findings} if findings := nginx.deny | nginx.warn with input as doc

one(text) := ids([block("http", [block("server", [line(text)])])])

test_what_is_no_list_is_not_accepted if {
	nginx.allow with input as []
	not nginx.allow with input as {}
	not nginx.allow with input as [line("user root")]
}

hsts := "add_header Strict-Transport-Security max-age=31536000 always"

test_old_versions_of_tls_are_told if {
	every text in ["ssl_protocols SSLv3", "ssl_protocols TLSv1 TLSv1.2", "proxy_ssl_protocols TLSv1.1", "uwsgi_ssl_protocols tlsv1"] {
		one(text) == {"web/nginx/old-tls"}
	}
	one("ssl_protocols TLSv1.2 TLSv1.3") == set()
}

test_ciphers_that_are_offered_are_told if {
	every text in ["RC4-SHA", "HIGH:3DES", "ECDHE-RSA-RC4-SHA:HIGH", "aNULL+ECDHE", "EXP-DES-CBC-SHA", "LOW:!aNULL"] {
		one(concat(" ", ["ssl_ciphers", text])) == {"web/nginx/weak-cipher"}
	}
	every text in ["AES128-SHA RC4-SHA", "AES128-SHA, RC4-SHA", "HIGH,3DES"] {
		ids([{"directive": "ssl_ciphers", "args": [text]}]) == {"web/nginx/weak-cipher"}
	}
	ids([{"directive": "ssl_ciphers", "args": ["HIGH !RC4 RC4-SHA"]}]) == set()
	every text in ["HIGH:!aNULL:!MD5", "ECDHE-RSA-AES128-GCM-SHA256", "HIGH:-RC4", "DES-CBC3-SHA:HIGH:!DES", "HIGH:!RC4-SHA"] {
		one(concat(" ", ["ssl_ciphers", text])) == set()
	}
}

test_workers_of_root_are_told if {
	ids([line("user root")]) == {"web/nginx/root"}
	ids([line("user nginx root")]) == set()
}

test_plain_proxies_are_told if {
	every text in ["http://api.corp.example/", "http://10.0.0.1:8080", "http://[fd00::1]/", "HTTP://api.corp.example"] {
		one(concat(" ", ["proxy_pass", text])) == {"web/nginx/plain-proxy"}
	}
	every text in [
		"http://127.0.0.1:8080", "http://localhost:8080", "http://app:8080", "http://unix:/run/a.sock", "https://a.example",
		"http://[::1]:8080/", "http://app.localhost/",
	] {
		one(concat(" ", ["proxy_pass", text])) == set()
	}
	ids([block("upstream app.internal", [line("server unix:/a")]), line("proxy_pass http://app.internal/a")]) == set()
}

test_switches_are_told if {
	one("autoindex on") == {"web/nginx/listing"}
	one("proxy_ssl_verify off") == {"web/nginx/unverified-upstream"}
	one("server_tokens on") == {"web/nginx/version"}
	every text in ["autoindex off", "proxy_ssl_verify on", "server_tokens off"] {
		one(text) == set()
	}
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
		"web/nginx/root", "web/nginx/version", "web/nginx/old-tls", "web/nginx/weak-cipher", "web/nginx/listing",
	}
}

test_good_configuration_is_accepted if {
	ids(good) == set()
	nginx.allow with input as good
	not nginx.allow with input as bad
}

test_resource_is_where_it_stands if {
	findings := nginx.deny with input as bad
	places := {finding.id: finding.resource | some finding in findings}
	places["web/nginx/root"] == "nginx"
	places["web/nginx/old-tls"] == "http > server 443 shop.example"
	listing := nginx.warn with input as bad
	"http > server 443 shop.example > location /a" in {finding.resource | some finding in listing}
}
