# METADATA
# title: Secrets in configuration
# description: Tells a value that is a secret from a name of one, a reference to one, and a blank.
package lib.secrets

# A variable whose name says that it holds a secret, with a value that is neither empty nor says where the secret is. YAML reads
# passwords of digits as numbers.
in_environment(name, value) if {
	text := said(value)
	text != ""
	words := snake(name)
	names_secret(words)
	not refers(lower(text))
	not counts(words, text)
}

# An address with a password in it, whatever the variable's name; "${...}", "{{...}}" and "<...>" stand for one.
in_environment(_, value) if regex.match(`://[^/:@\s]*:[^/:@${<\s]+@`, value)

said(value) := value if is_string(value)

said(value) := sprintf("%v", [value]) if is_number(value)

# "apiKey", "API-KEY" and "API_KEY" are the words "api_key".
snake(name) := regex.replace(lower(regex.replace(name, `([a-z0-9])([A-Z])`, "${1}_${2}")), `[^a-z0-9]+`, "_")

# Names of files, addresses, periods and rules are not what they name. A tokenizer is no token.
names_secret(words) if {
	regex.match(
		`passwd|password|secret|tokens?(_|$)|api_?key|private_?key|access_key|credential`,
		words,
	)
	not regex.match(`(file|path|dir|name|arn|url|uri|ref|ttl|timeout|enabled|type|seconds|length|expiry|policy)$`, words)
	not regex.match(
		concat("", [
			`_(id|ids|port|age|min|max|limit|count|size|days|hours|minutes|expires|expires_in|expiration|lifetime|duration|interval|`,
			`attempts|retries|rounds|iterations|version|mode|method|strategy|format|prefix|header|algorithm|alg|issuer|audience|`,
			`scope|scopes|endpoint|host|provider|namespace|region|rotation|required|disabled|optional)$`,
		]),
		words,
	)
}

# A number of tokens.
counts(words, text) if {
	endswith(words, "tokens")
	regex.match(`^[0-9]+$`, text)
}

# References of shells, templates and secret stores, paths, and switches.
refers(value) if value in {"true", "false", "none", "null", "yes", "no", "on", "off", "0", "1"}

refers(value) if {
	some start in ["$", "{{", "[", "arn:", "/", "http://", "https://", "vault:", "op://", "projects/", "@microsoft.keyvault"]
	startswith(value, start)
}
