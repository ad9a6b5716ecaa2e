#!/usr/bin/env python3
"""Drives a sandbox with Stripe's official Python SDK: customer, item, invoice, finalize, send. Argument: base URL."""
import sys

import stripe


def check(what, actual, expected):
    if actual != expected:
        sys.exit(f"{what}: {actual!r} instead of {expected!r}")
    print(f"{what}: {actual}")


client = stripe.StripeClient("sk_test_sandbox", base_addresses={"api": sys.argv[1]}, max_network_retries=0)
v1 = client.v1

customer = v1.customers.create({"email": "ann@example.org", "name": "Ann", "metadata": {"crm": "7"}})
print("customer:", customer.id)
same = [v1.customers.create({"email": "bob@example.org"}, {"idempotency_key": f"py-{customer.id}"}).id for _ in range(2)]
check("one key makes one customer", len(set(same)), 1)

stray = v1.invoice_items.create({"customer": customer.id, "amount": 999, "currency": "eur"})
invoice = v1.invoices.create({
    "customer": customer.id,
    "currency": "eur",
    "collection_method": "send_invoice",
    "days_until_due": 14,
    "auto_advance": False,
    "pending_invoice_items_behavior": "exclude",
})
check("draft", (invoice.status, invoice.total), ("draft", 0))
bound = v1.invoice_items.create({"customer": customer.id, "invoice": invoice.id, "amount": 1250, "currency": "eur"})
pending = v1.invoice_items.create({"customer": customer.id, "amount": 750, "currency": "eur", "description": "work"})
invoice = v1.invoices.add_lines(invoice.id, {"lines": [{"invoice_item": pending.id}, {"amount": 500, "description": "more"}]})
check("total", invoice.total, 2500)
check("first line's item", invoice.lines.data[0].parent.invoice_item_details.invoice_item, bound.id)

invoice = v1.invoices.finalize_invoice(invoice.id)
check("finalized", (invoice.status, invoice.amount_due), ("open", 2500))
check("sent", v1.invoices.send_invoice(invoice.id).status, "open")
check("paid", v1.invoices.pay(invoice.id, {"paid_out_of_band": True}).status, "paid")

check("stray item", v1.invoice_items.retrieve(stray.id).invoice, None)
listed = v1.customers.list({"email": "ann@example.org", "limit": 1})
check("newest of that e-mail", listed.data[0].id, customer.id)
lines = [line.amount for line in v1.invoices.line_items.list(invoice.id, {"limit": 2}).auto_paging_iter()]
check("lines", lines, [1250, 750, 500])

try:
    v1.customers.create({"e_mail": "x"})
    sys.exit("an unknown parameter was taken")
except stripe.InvalidRequestError as error:
    check("refused", (error.http_status, error.code, error.param), (400, "parameter_unknown", "e_mail"))
    check("has a request id", error.request_id.startswith("req_"), True)
try:
    v1.invoices.retrieve("in_missing")
    sys.exit("a missing invoice was found")
except stripe.InvalidRequestError as error:
    check("missing", (error.http_status, error.code), (404, "resource_missing"))
