# METADATA
# title: Shell scripts
# description: What a line of a script does that nobody can review, or that nobody should do.
package lib.shell

# A download that is executed as it comes in.
pipes_download(text) if regex.match(`(curl|wget) [^|;&]*\| *(sudo +)?(ba|da|k|z)?sh($|[^a-z0-9_./-])`, text)

# Options and variables that switch the check of certificates or signatures off.
unchecked := {
	"--allow-unauthenticated", "--insecure", "--no-check-certificate", "--trusted-host", "GIT_SSL_NO_VERIFY=",
	"NODE_TLS_REJECT_UNAUTHORIZED=0", "PYTHONHTTPSVERIFY=0", "curl -k ", "sslVerify false", "strict-ssl false",
}
