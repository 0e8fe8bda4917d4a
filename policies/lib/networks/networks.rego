# METADATA
# title: Blocks of addresses
# description: Tells a block that admits everyone, also one of a few that together do.
package lib.networks

# Providers take 10.0.0.0/0 for 0.0.0.0/0, and two halves admit everyone as well. No organisation has as many addresses as a block with
# a prefix of six bits or less.
everyone(cidr) if {
	split(cidr, "/")[1] in {"0", "1", "2", "3", "4", "5", "6"}

	# Multicast and what is reserved: nobody's addresses.
	not cidr in {"224.0.0.0/3", "224.0.0.0/4", "240.0.0.0/4"}
}
