#!/usr/bin/env python3
"""Drives a sandbox with Stripe's official Python SDK: customer, item, invoice, finalize, send; payment, refund, dispute,
payout, events and signed deliveries. Argument: base URL."""
import http.server
import json
import sys
import threading
import time
import urllib.request

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


def steer(path, body=None):
    """What customers and banks do, and a look at the deliveries."""
    data = None if body is None else json.dumps(body).encode()
    return json.load(urllib.request.urlopen(urllib.request.Request(f"{sys.argv[1]}/_sandbox/{path}", data=data)))


letters = []


class Endpoint(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        letters.append((self.rfile.read(int(self.headers["content-length"])), self.headers["stripe-signature"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Endpoint)
threading.Thread(target=server.serve_forever, daemon=True).start()
endpoint = v1.webhook_endpoints.create({"url": f"http://127.0.0.1:{server.server_port}/", "enabled_events": ["*"]})

due = v1.invoices.create({"customer": customer.id, "currency": "eur", "pending_invoice_items_behavior": "exclude"})
v1.invoices.add_lines(due.id, {"lines": [{"amount": 5000}]})
v1.invoices.finalize_invoice(due.id)
try:
    v1.invoices.pay(due.id, {"payment_method": "pm_card_chargeDeclined"})
    sys.exit("a declined card has paid")
except stripe.CardError as error:
    check("declined", (error.http_status, error.code), (402, "card_declined"))
check("a part", steer("pay", {"invoice": due.id, "card": "4242424242424242", "amount": 2000})["invoice_status"], "open")
check("the rest", steer("pay", {"invoice": due.id, "card": "4000000000000259"})["invoice_status"], "paid")
due = v1.invoices.retrieve(due.id, {"expand": ["payments.data.payment.payment_intent"]})
paid = [(each.status, each.amount_paid, each.payment.payment_intent.status) for each in due.payments.data]
check("payments", sorted(paid), [("paid", 2000, "succeeded"), ("paid", 3000, "succeeded")])
charges = v1.charges.list({"customer": customer.id, "expand": ["data.balance_transaction"]}).data
check("charges", [(each.status, each.disputed) for each in charges], [("succeeded", True), ("succeeded", False), ("failed", False)])
check("fee", charges[1].balance_transaction.fee, 88)
check("refund", v1.refunds.create({"charge": charges[1].id, "amount": 500}).status, "succeeded")
try:
    v1.refunds.create({"charge": charges[1].id, "amount": 1501})
    sys.exit("more was refunded than was left")
except stripe.InvalidRequestError as error:
    check("too much", (error.http_status, error.param), (400, "amount"))
dispute = v1.disputes.list({"charge": charges[0].id}).data[0]
check("dispute", (dispute.status, dispute.amount), ("needs_response", 3000))
check("won", steer("dispute", {"dispute": dispute.id, "won": True})["status"], "won")
note = v1.credit_notes.create({"invoice": due.id, "amount": 300, "refund_amount": 300})
check("credit note", (note.type, note.refunds[0].amount_refunded), ("post_payment", 300))
payout = v1.payouts.retrieve(steer("payout", {"currency": "eur"})["id"])
held = v1.balance_transactions.list({"payout": payout.id}).data
check("payout", -sum(each.net for each in held if each.type != "payout") + payout.amount, 0)

made = [event.id for event in v1.events.list({"limit": 100}).auto_paging_iter()]
deadline = time.monotonic() + 30
while steer("webhooks")["pending"] and time.monotonic() < deadline:
    time.sleep(0.01)
events = [stripe.Webhook.construct_event(body, signature, endpoint.secret) for body, signature in letters]
check("deliveries", [event.id for event in events], made[::-1][-len(events):])
check("last", events[-1].type, "payout.reconciliation_completed")

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
