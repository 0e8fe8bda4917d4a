package lib.shell_test

import data.lib.shell

test_downloads_into_a_shell_are_told if {
	every text in [
		"curl -sSL https://get.corp.example | sh", "wget -qO- https://get.corp.example |bash -s -- -y",
		"apt-get update && curl https://x | sudo bash",
	] {
		shell.pipes_download(text)
	}
}

test_other_pipes_are_accepted if {
	every text in [
		"curl -sSL https://x -o x.sh && sha256sum -c x.sum && sh x.sh", "curl https://x | tar xz", "curl https://x | shasum -c",
		"curl https://x | jq . | tee sh", "wget https://x; echo a | sh", "echo curl|sh",
	] {
		not shell.pipes_download(text)
	}
}
