# Where directives of nginx stand.
package lib.nginx

found(id, path, message) := {"id": id, "msg": message, "resource": place(path)}

# The blocks around a directive: http > server 443 shop.example > location /.
place(path) := "nginx" if count(path) == 1

place(path) := concat(" > ", [label(node) |
	walk(input, [above, node])
	is_string(node.directive)
	count(above) < count(path)
	array.slice(path, 0, count(above)) == above
]) if {
	count(path) > 1
}

label(node) := concat(" ", array.concat([node.directive], array.concat(node.args, [told.args[0] |
	node.directive == "server"
	some told in node.block
	told.directive in {"listen", "server_name"}
])))
