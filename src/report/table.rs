//! The report as CSV: one line for each account, period and currency, in decimals of the currency.

use std::collections::BTreeMap;

use rowbill_connector::Currency;

use super::{Flow, Report};
use crate::mapping::money::from_minor;

const HEADER: [&str; 18] = [
    "account",
    "from",
    "to",
    "currency",
    "invoiced",
    "paid",
    "fees",
    "refunds",
    "disputes",
    "other",
    "net",
    "paid_out",
    "on_its_way",
    "off_stripe",
    "open_0_30",
    "open_31_60",
    "open_61_90",
    "open_over_90",
];

/// The whole file.
pub fn csv(report: &Report, currencies: &BTreeMap<String, Currency>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in records(report, currencies) {
        writer.write_record(record).expect("memory takes it");
    }
    String::from_utf8(writer.into_inner().expect("memory takes it")).expect("it is made of texts")
}

/// Its lines, the header first.
pub fn records(report: &Report, currencies: &BTreeMap<String, Currency>) -> Vec<Vec<String>> {
    let mut records = vec![HEADER.map(str::to_owned).to_vec()];
    for account in &report.accounts {
        for (code, flows) in &account.currencies {
            for (period, flow) in report.periods.iter().zip(flows) {
                let mut record =
                    vec![account.name.clone(), period.first.to_string(), period.last.to_string(), code.to_uppercase()];
                record.extend(amounts(flow).map(|minor| from_minor(minor, code, currencies)));
                records.push(record);
            }
        }
    }
    records
}

fn amounts(flow: &Flow) -> [i64; 14] {
    let [newest, second, third, oldest] = flow.open;
    [
        flow.invoiced,
        flow.paid,
        flow.fees,
        flow.refunds,
        flow.disputes,
        flow.other,
        flow.net(),
        flow.paid_out,
        flow.on_its_way,
        flow.outside,
        newest,
        second,
        third,
        oldest,
    ]
}
