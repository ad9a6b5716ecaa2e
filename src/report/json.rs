//! The report as JSON: minor units, and lower-case currency codes as Stripe has them.

use serde_json::{Value, json};

use super::{Account, Flow, Report, total};

/// The whole report.
pub fn value(report: &Report) -> Value {
    let accounts: Vec<Value> = report.accounts.iter().map(|account| of_account(report, account)).collect();
    json!({
        "v": 1, "from": report.from.to_string(), "to": report.to.to_string(), "by": report.by.name(),
        "timezone": report.zone, "accounts": accounts,
    })
}

fn of_account(report: &Report, account: &Account) -> Value {
    let currency = |(code, flows): (&String, &Vec<Flow>)| {
        let periods = report.periods.iter().zip(flows).map(|(period, flow)| {
            let mut value = json!({ "from": period.first.to_string(), "to": period.last.to_string() });
            if let (Value::Object(value), Value::Object(amounts)) = (&mut value, amounts(flow)) {
                value.extend(amounts);
            }
            value
        });
        json!({ "currency": code, "total": amounts(&total(flows)), "periods": periods.collect::<Vec<_>>() })
    };
    let currencies: Vec<Value> = account.currencies.iter().map(currency).collect();
    json!({ "account": account.name, "livemode": account.live, "currencies": currencies })
}

fn amounts(flow: &Flow) -> Value {
    let [newest, second, third, oldest] = flow.open;
    json!({
        "invoiced": flow.invoiced, "paid": flow.paid, "fees": flow.fees, "refunds": flow.refunds,
        "disputes": flow.disputes, "other": flow.other, "net": flow.net(), "paid_out": flow.paid_out,
        "on_its_way": flow.on_its_way, "off_stripe": flow.outside,
        "open": { "total": flow.owed(), "0_30": newest, "31_60": second, "61_90": third, "over_90": oldest },
    })
}
