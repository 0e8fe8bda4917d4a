# Where directives of nginx stand.
package lib.nginx

found(id, path, message) := {"id": id, "msg": message, "resource": place(path)}

# The blocks around a directive: http > server 443 shop.example > location /. Its path is [0, "block", 2, "block", 1].
place(path) := "nginx" if count(path) == 1

place(path) := concat(" > ", [label(node) |
	some depth, _ in path
	depth % 2 == 1
	node := object.get({"of": input}, array.concat(["of"], array.slice(path, 0, depth)), {})
]) if {
	count(path) > 1
}

label(node) := concat(" ", array.concat([node.directive], array.concat(node.args, [told.args[0] |
	node.directive == "server"
	some told in node.block
	told.directive in {"listen", "server_name"}
])))
