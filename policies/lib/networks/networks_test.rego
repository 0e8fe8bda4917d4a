package lib.networks_test

import data.lib.networks

test_everyone_is_told if {
	every cidr in ["0.0.0.0/0", "::/0", "10.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "2000::/3", "64.0.0.0/6", "224.0.0.0/2", "192.0.0.0/3"] {
		networks.everyone(cidr)
	}
	every cidr in [
		"10.0.0.0/8", "192.0.2.0/24", "fc00::/7", "2001:db8::/32", "192.0.2.1/32", "192.0.2.1", "", null, {"Ref": "X"},
		"224.0.0.0/3", "224.0.0.0/4", "240.0.0.0/4", "ff00::/8",
	] {
		not networks.everyone(cidr)
	}
}
