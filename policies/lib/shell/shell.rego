# METADATA
# title: Shell scripts
# description: What a line of a script does that nobody can review, or that nobody should do.
package lib.shell

# A download that is executed as it comes in: from a pipe, or from a substitution that a shell executes. Contracts run
# these patterns, too: each stays small, and the text is brought into one spelling first.
pipes_download(text) if {
	parts := split(plain(text), "|")
	some number, part in parts
	regex.match(`(^|[^a-zA-Z0-9_.-])(curl|wget) [^;&\n]*$`, part)
	runs_its_input(parts[number + 1])
}

# One pattern for "sh -c", "eval" and "<(", because they end alike.
pipes_download(text) if {
	regex.match("((sh( -[a-z]+)* -[a-z]*c|(^|[^a-z0-9_.-])eval) [\"']?(\\$\\(|`)|(^|[^a-z0-9_.-])((ba|k|z)?sh|source|[.])( -[a-z]+)*( <)? <\\() ?(curl|wget) ", plain(text))
}

# Lines that go on are joined; what is quoted without blanks, or after an option for a header or data, holds no command.
plain(text) := single_spaces if {
	joined := regex.replace(text, `\\\r?\n`, " ")
	pipes := regex.replace(joined, `\|&?\s*`, "| ")
	redirected := regex.replace(pipes, `[0-9]?>&[0-9]`, "")
	options := regex.replace(redirected, `-[AHd] *("[^"]*"|'[^']*')`, "-H x")
	words := regex.replace(options, `"[^" \n|]*"|'[^' \n|]*'`, "x")
	single_spaces := regex.replace(words, `[ \t]+`, " ")
}

runs_its_input(part) if regex.match(`^(ba|da|k|z|a)?sh($|[^a-zA-Z0-9_./-])`, program(part))

# Other languages read their program from the pipe when nothing, or a dash, follows.
runs_its_input(part) if {
	regex.match(`^(python[0-9.]*|perl|ruby|node|php)( -[uBEIsSw]+)*( -)?(["']| ?($|[\r\n;&)]))`, program(part))
}

# A command from the name of its program on, without those that only start it.
program(part) := regex.replace(started, `^(/[a-z]+)*/`, "") if {
	started := regex.replace(part, `^ *((/[a-z]+)*/?(sudo|doas|env|exec) |-u [a-z]+ |-[a-zA-Z-]+ |[A-Z_]+=[^ ]* )*`, "")
}

# Options and variables that switch the check of certificates or signatures off.
unchecked := {
	"--allow-unauthenticated", "--allow-untrusted", "--force-yes", "--insecure", "--no-check-certificate", "--nogpgcheck",
	"--no-gpg-checks", "--nosignature", "--trusted-host", "GIT_SSL_NO_VERIFY=", "NODE_TLS_REJECT_UNAUTHORIZED=0",
	"NPM_CONFIG_STRICT_SSL=false", "PIP_TRUSTED_HOST=", "PYTHONHTTPSVERIFY=0", "sslVerify false", "sslverify=false",
	"npm_config_strict_ssl=false", "strict-ssl false", "strict-ssl=false",
}

# The options of `unchecked` that stand in a script, and curl's -k, alone or among other letters.
unchecked_in(text) := {option | some option in unchecked; contains(text, option)} | {"curl -k" |
	regex.match(`(^|[^a-zA-Z0-9_.-])curl ([^|;&\n]* )?-[afgGiIjJkLlNnOpqRsSvZ0-46#]*k`, plain(text))
}
