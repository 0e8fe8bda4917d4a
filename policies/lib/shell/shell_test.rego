package lib.shell_test

import data.lib.shell

test_downloads_into_a_shell_are_told if {
	every text in [
		"curl -sSL https://get.corp.example | sh", "wget -qO- https://get.corp.example |bash -s -- -y",
		"apt-get update && curl https://x | sudo bash", "curl https://x | sudo -E bash -", "curl https://x | sudo -u root sh",
		"curl https://x | /bin/sh", "/usr/bin/curl https://x | /usr/bin/env bash", "curl https://x | A=1 sh -s",
		"curl \"https://x?a=1&b=2\" | sh", "curl 'https://x?a=1;b' | sh", "curl https://x 2>&1 | sh",
		"curl https://x |& bash", "curl \\\n  https://x \\\n  | sh", "curl https://x |\n  sh", "bash -c 'curl https://x | sh'",
	] {
		shell.pipes_download(text)
	}
}

test_downloads_into_other_interpreters_are_told if {
	every text in [
		"curl -sSL https://x | python3 -", "curl https://x | python3", "curl https://x | sudo python3 -u -\necho done",
		"wget -qO- https://x | perl", "curl https://x | node - && ls",
	] {
		shell.pipes_download(text)
	}
	every text in [
		"curl https://x | python3 -m json.tool", "curl https://x | python3 -c 'import sys'", "curl https://x | python3 read.py",
		"curl https://x | perl -ne 'print'", "curl https://x | node parse.js",
	] {
		not shell.pipes_download(text)
	}
}

test_downloads_in_substitutions_are_told if {
	every text in [
		"sh -c \"$(curl -fsSL https://x)\"", "bash -ec \"$(wget -qO- https://x)\"", "sh -c `curl https://x`",
		"eval \"$(curl https://x)\"", "bash <(curl -s https://x)", "/bin/bash -x <(curl https://x)", "bash < <(curl https://x)",
		"source <(curl https://x)", ". <(wget -qO- https://x)",
	] {
		shell.pipes_download(text)
	}
	every text in [
		"version=\"$(curl https://x)\"", "sh -c \"echo $(curl https://x)\"", "diff <(curl https://x) y", "bash -c 'curl https://x'",
		"push <(curl https://x)",
	] {
		not shell.pipes_download(text)
	}
}

test_other_pipes_are_accepted if {
	every text in [
		"curl -sSL https://x -o x.sh && sha256sum -c x.sum && sh x.sh", "curl https://x | tar xz", "curl https://x | shasum -c",
		"curl https://x | jq . | tee sh", "wget https://x; echo a | sh", "echo curl|sh", "curl https://x\necho a | sh",
		"curl \"https://x\" && echo \"a | sh\"", "curl https://x | tee /opt/x.sh", "curl -H 'a | sh' https://x",
		"libcurl https://x | sh",
	] {
		not shell.pipes_download(text)
	}
}

test_unchecked_connections_are_told if {
	every text in ["curl -k https://x", "curl -sk https://x", "curl -o x -kL https://x", "curl https://x -k"] {
		shell.unchecked_in(text) == {"curl -k"}
	}
	shell.unchecked_in("wget --no-check-certificate https://x") == {"--no-check-certificate"}
	every text in [
		"curl -s https://x/-k", "curl --keepalive-time 2 https://x", "curl https://x && tar -k", "curl -H 'a -k' https://x",
		"curl -o -x -sS https://x",
	] {
		shell.unchecked_in(text) == set()
	}
}
