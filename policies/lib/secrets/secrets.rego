# METADATA
# title: Secrets in configuration
# description: Tells a value that is a secret from a name of one, a reference to one, and a blank.
package lib.secrets

# A variable whose name says that it holds a secret, with a value that is neither empty nor says where the secret is.
in_environment(name, value) if {
	is_string(value)
	names_secret(lower(name))
	not refers(lower(value))
	not regex.match(`^[0-9]*$`, value)
}

# Names of files, addresses and periods are not what they name.
names_secret(name) if {
	some word in [
		"passwd", "password", "secret", "token", "api_key", "apikey", "private_key", "privatekey", "access_key", "credential",
	]
	contains(name, word)
	every end in ["file", "path", "dir", "name", "arn", "url", "uri", "ref", "_id", "ttl", "timeout", "enabled", "type", "seconds"] {
		not endswith(name, end)
	}
}

# References of shells, templates and secret stores, paths, and switches.
refers(value) if value in {"true", "false", "none", "null", "yes", "no"}

refers(value) if {
	some start in ["$", "{{", "[", "arn:", "/", "http://", "https://", "vault:", "op://", "projects/", "@microsoft.keyvault"]
	startswith(value, start)
}
