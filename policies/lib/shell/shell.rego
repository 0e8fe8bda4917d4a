# METADATA
# title: Shell scripts
# description: What a line of a script does that nobody can review, or that nobody should do.
package lib.shell

# A download that is executed as it comes in: from a pipe, or from a substitution that a shell executes.
pipes_download(text) if regex.match(concat("", [download, arguments, `\|&?\s*`, prefix, `(`, shells, `|`, reader, `)`]), text)

pipes_download(text) if regex.match(concat("", [before, interpreter, `\s+(-\S+\s+)*-[a-z]*c\s+["']?`, substituted]), text)

pipes_download(text) if regex.match(concat("", [before, `eval\s+["']?`, substituted]), text)

pipes_download(text) if regex.match(concat("", [before, `(`, interpreter, `|source|\.)\s+(-\S+\s+)*(<\s+)?<\(\s*`, fetch]), text)

before := `(^|[^a-zA-Z0-9_./-]|/)`

fetch := `(sudo\s+)?(/[a-z/]*/)?(curl|wget)[ \t]`

download := concat("", [before, `(curl|wget)[ \t]`])

# The words of one command: separators count only outside of quotes, and a line goes on after a backslash.
arguments := `([^|;&"'\n\\]|\\\r?\n|\\.|"[^"]*"|'[^']*'|[0-9]?>&[0-9])*`

# What may stand before the name of a program.
prefix := `((/[a-z/]*/)?(sudo|doas|env|exec)\s+|-u\s+\S+\s+|-[a-zA-Z-]+(=\S+)?\s+|[A-Z_]+=\S*\s+)*(/[a-z/]*/)?`

interpreter := `(ba|da|k|z|a)?sh`

shells := concat("", [interpreter, `($|[^a-zA-Z0-9_./-])`])

# Other languages read their program from the pipe when nothing, or a dash, follows.
reader := `(python[0-9.]*|perl|ruby|node|php)([ \t]+-[uBEIsSw]+)*([ \t]+-)?(["']|[ \t]*($|[\r\n;&|)]))`

substituted := concat("", ["(\\$\\(|`)\\s*", fetch])

# Options and variables that switch the check of certificates or signatures off.
unchecked := {
	"--allow-unauthenticated", "--insecure", "--no-check-certificate", "--trusted-host", "GIT_SSL_NO_VERIFY=",
	"NODE_TLS_REJECT_UNAUTHORIZED=0", "PYTHONHTTPSVERIFY=0", "sslVerify false", "strict-ssl false",
}

# The options of `unchecked` that stand in a script, and curl's -k, alone or among other letters.
unchecked_in(text) := {option | some option in unchecked; contains(text, option)} | {"curl -k" |
	regex.match(concat("", [before, `curl`, arguments, `[ \t]-[afgGiIjJkLlNnOpqRsSvZ0-46#]*k`]), concat("", [text, " "]))
}
