# METADATA
# title: Payments of the treasury
# description: Whom the treasury pays, how much at once, and how much a day. Enforced on chain, by the contract that holds the money.
# custom:
#   id: treasury/payments
#   owner: finance
#   severity: high
#   enforcement: deny
#   controls:
#   - soc2:CC6.1
#   remediation: Ask finance to add the payee, or split the payment over several days.
package treasury.payments

# METADATA
# title: Payees are known
# custom:
#   id: treasury-payee
deny contains {"id": "treasury-payee", "msg": sprintf("%s is not a payee", [input.to])} if {
	not input.to in data.treasury.payees
}

# METADATA
# title: Only clerks pay
# custom:
#   id: treasury-clerk
deny contains {"id": "treasury-clerk", "msg": sprintf("%s is not a clerk", [input.caller])} if {
	not input.caller in data.treasury.clerks
}

# METADATA
# title: A single payment is bounded
# custom:
#   id: treasury-single
deny contains {"id": "treasury-single", "msg": "the payment is larger than a single one may be"} if {
	input.amount_wei > data.treasury.limits.single_wei
}

# METADATA
# title: Payments of a day are bounded
# custom:
#   id: treasury-daily
deny contains {"id": "treasury-daily", "msg": "the payments of this day would exceed the limit"} if {
	input.paid_today_wei + input.amount_wei > data.treasury.limits.daily_wei
}
