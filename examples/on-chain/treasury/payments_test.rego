package treasury.payments_test

import data.treasury.payments

treasury := {
	"payees": ["0x00000000000000000000000000000000000000aa"],
	"clerks": ["0x00000000000000000000000000000000000000bb"],
	"limits": {"single_wei": 100, "daily_wei": 150},
}

payment := {
	"amount_wei": 100,
	"caller": "0x00000000000000000000000000000000000000bb",
	"paid_today_wei": 0,
	"purpose": "rent",
	"to": "0x00000000000000000000000000000000000000aa",
}

ids(input_) := found if {
	found := {finding.id | some finding in payments.deny} with input as input_
		with data.treasury.payees as treasury.payees
		with data.treasury.clerks as treasury.clerks
		with data.treasury.limits as treasury.limits
}

test_a_payment_within_all_bounds if ids(payment) == set()

test_a_stranger_is_not_paid if ids(object.union(payment, {"to": "0x01"})) == {"treasury-payee"}

test_a_stranger_does_not_pay if ids(object.union(payment, {"caller": "0x01"})) == {"treasury-clerk"}

test_a_large_payment if ids(object.union(payment, {"amount_wei": 101})) == {"treasury-single"}

test_too_much_in_a_day if ids(object.union(payment, {"paid_today_wei": 51})) == {"treasury-daily"}
