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

# An address with a password in it, whatever the variable's name; "${...}", "{{...}}" and "<...>" stand for one. What a test starts beside
# itself has no secret.
in_environment(_, value) if {
	regex.match(`://[^/:@\s]*:[^/:@${<\s]+@`, value)
	not contains(value, "@localhost")
}

said(value) := value if is_string(value)

said(value) := sprintf("%v", [value]) if is_number(value)

# "apiKey", "API-KEY" and "API_KEY" are the words "api_key". What stands at the end stays, so that "key_file_" names no file. Names are
# ASCII, but for the Kelvin sign: in lower case it is a k as any other.
snake(name) := lower(concat("_", regex.find_n(`[A-Z\x{212A}]*[a-z0-9]+|[A-Z\x{212A}]+|[^A-Za-z0-9]$`, name, -1)))

# Names of files, addresses, periods and rules are not what they name. A tokenizer is no token.
names_secret(words) if {
	holds(
		concat("", [words, "_"]),
		"npm_config_auth_ passwd password passphrase secret token_ tokens_ api_key apikey private_key privatekey access_key credential",
	)
	not ends(words, "file files path dir engine backend password_key hasher hashers envs name names title description arn url uri ref ttl timeout enabled type seconds length expiry policy")
	not ends(words, "_id _ids _port _age _min _max _limit _count _size _days _hours _minutes _expires _expires_in _expiration")
	not ends(words, "_lifetime _duration _interval _attempts _retries _rounds _iterations _version _mode _method _strategy")
	not ends(words, "_format _prefix _header _algorithm _alg _issuer _audience _scope _scopes _endpoint _host _provider")
	not ends(words, "_namespace _region _rotation _required _disabled _optional")
}

# Contracts run this, too: words of one text take less code there than a pattern or a list.
holds(text, words) if {
	some word in split(words, " ")
	contains(text, word)
}

ends(text, words) if {
	some word in split(words, " ")
	endswith(text, word)
}

starts(text, words) if {
	some word in split(words, " ")
	startswith(text, word)
}

# A number of tokens.
counts(words, text) if {
	endswith(words, "tokens")
	regex.match(`^[0-9]+$`, text)
}

# References of shells, templates and secret stores, paths, and switches.
refers(value) if value in split("true false none null yes no on off 0 1", " ")

refers(value) if starts(value, "$ {{ [ arn: / http:// https:// vault: op:// projects/ @microsoft.keyvault")
