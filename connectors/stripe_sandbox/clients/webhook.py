"""Signatures of webhooks by Stripe's own SDK.

webhook.py sign SECRET TIME < BODY    prints the header Stripe-Signature
webhook.py check SECRET HEADER < BODY prints the event's id, or fails
"""
import sys

import stripe

what, secret, given = sys.argv[1:]
body = sys.stdin.buffer.read().decode()
if what == "sign":
    # The SDK has no public way to sign, only this one of its own.
    signature = stripe.WebhookSignature._compute_signature(f"{given}.{body}", secret)
    print(f"t={given},v1={signature}")
else:
    print(stripe.Webhook.construct_event(body, given, secret).id)
