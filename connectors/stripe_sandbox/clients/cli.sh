#!/bin/sh
# Drives a sandbox with Stripe's official CLI: customer, item, invoice, finalize, send. Argument: base URL.
# The CLI is STRIPE_CLI, or the one that `npm ci` has installed beside this script.
set -eu
base=$1
here=$(cd "$(dirname "$0")" && pwd)
cli=${STRIPE_CLI:-$here/node_modules/.bin/stripe}
config=$(mktemp -d)
trap 'rm -rf "$config"' EXIT
export STRIPE_API_KEY=sk_test_sandbox STRIPE_CLI_TELEMETRY_OPTOUT=1 XDG_CONFIG_HOME="$config" HOME="$config"

stripe() {
    "$cli" "$@" --api-base "$base" --color off
}

# field PATH: a value of the answer on standard input, such as `data.0.id`. Node is there, since the CLI needs it.
field() {
    node -e '
        const answer = JSON.parse(require("fs").readFileSync(0));
        console.log(process.argv[1].split(".").reduce((value, name) => value[name], answer));
    ' "$1"
}

# check WHAT ACTUAL EXPECTED
check() {
    if [ "$2" != "$3" ]; then
        echo "$1: '$2' instead of '$3'" >&2
        exit 1
    fi
    echo "$1: $2"
}

customer=$(stripe customers create --email cli@example.org --name "Cli" -d "metadata[crm]=7" | field id)
echo "customer: $customer"
again=$(stripe customers create --email twice@example.org -i "cli-$customer" | field id)
check "one key makes one customer" "$(stripe customers create --email twice@example.org -i "cli-$customer" | field id)" "$again"

invoice=$(stripe invoices create --customer "$customer" --currency eur --collection-method send_invoice \
    --days-until-due 14 --auto-advance=false -d pending_invoice_items_behavior=exclude | field id)
echo "invoice: $invoice"
stripe invoiceitems create --customer "$customer" --invoice "$invoice" --amount 1250 --currency eur > "$config/bound"
item=$(stripe invoiceitems create --customer "$customer" --amount 750 --currency eur --description work | field id)
stripe invoices add_lines "$invoice" -d "lines[0][invoice_item]=$item" > "$config/invoice"
check "total" "$(field total < "$config/invoice")" 2000

stripe invoices finalize_invoice "$invoice" > "$config/invoice"
check "finalized" "$(field status < "$config/invoice")" open
stripe invoices send_invoice "$invoice" > "$config/invoice"
check "sent" "$(field status < "$config/invoice")" open
stripe get "/v1/invoices/$invoice" > "$config/invoice"
check "due" "$(field amount_due < "$config/invoice")" 2000
check "listed" "$(stripe customers list --email cli@example.org --limit 1 | field data.0.id)" "$customer"

stripe customers create -d "e_mail=x" > "$config/refused" 2>&1 || true
grep -q parameter_unknown "$config/refused" || { cat "$config/refused"; echo "an unknown parameter was taken" >&2; exit 1; }
echo "refused: parameter_unknown"
