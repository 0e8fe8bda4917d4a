package lib.nginx_test

import data.lib.nginx

listen := {"directive": "listen", "args": ["443"]}

root := {"directive": "root", "args": ["/srv"]}

config := [{"directive": "http", "args": [], "block": [{"directive": "server", "args": [], "block": [listen, root]}]}]

test_a_place_is_the_blocks_around_it if {
	nginx.place([0]) == "nginx" with input as config
	nginx.place([0, "block", 0]) == "http" with input as config
	nginx.place([0, "block", 0, "block", 1]) == "http > server 443" with input as config
}

test_a_finding_says_where_it_stands if {
	nginx.found("a/b", [0], "c") == {"id": "a/b", "msg": "c", "resource": "nginx"}
}
