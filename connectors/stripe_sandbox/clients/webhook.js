// Signatures of webhooks by Stripe's own SDK.
//
// webhook.js sign SECRET TIME < BODY    prints the header Stripe-Signature
// webhook.js check SECRET HEADER < BODY prints the event's id, or fails
const Stripe = require('stripe');

const [what, secret, given] = process.argv.slice(2);
const { webhooks } = new Stripe('sk_test_none');
const payload = require('fs').readFileSync(0, 'utf8');
if (what === 'sign') {
  console.log(webhooks.generateTestHeaderString({ payload, secret, timestamp: Number(given) }));
} else {
  console.log(webhooks.constructEvent(payload, given, secret).id);
}
