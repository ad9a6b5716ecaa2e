//! What an item costs: an amount, a unit amount with a quantity, a price, or the data of a price.

use serde_json::Value;

use super::Params;
use crate::refusal::Refusal;
use crate::store::item::Item;
use crate::store::money::{Code, multiplied};
use crate::store::{Store, at};

const WAYS: [&str; 4] = ["amount", "unit_amount_decimal", "pricing", "price_data"];

/// The money side of an item.
#[derive(Clone, Debug)]
pub(super) struct Priced {
    pub(super) amount: i64,
    pub(super) currency: Code,
    quantity: Box<str>,
    unit: Box<str>,
    price: Option<u32>,
    /// The product's name, for items without a description.
    pub(super) product: Option<Box<str>>,
}

/// The money side of an item that parameters describe; `None` when they do not speak of money.
///
/// `currency` is the one of the invoice or of the item that is changed, where there is one.
pub(super) fn priced(store: &Store, params: &Params, currency: Option<Code>) -> Result<Option<Priced>, Refusal> {
    let mut given = WAYS.iter().filter(|way| params.has(way));
    let way = given.next();
    if let (Some(one), Some(other)) = (way, given.next()) {
        return Err(Refusal::exclusive(one, other));
    }
    let quantity = quantity(params)?;
    let own = params.text("currency").map(Code::new);
    let priced = match way {
        None => return Ok(None),
        Some(&"amount") => by_amount(params, quantity.as_deref(), own.or(currency))?,
        Some(&"unit_amount_decimal") => {
            let unit = params.text("unit_amount_decimal").unwrap_or_default();
            let currency = own.or(currency).ok_or_else(|| Refusal::missing("currency"))?;
            by_unit(unit, quantity, currency, "unit_amount_decimal")?
        }
        Some(&"pricing") => by_price(store, params, quantity)?,
        Some(_) => by_price_data(store, params, quantity)?,
    };
    if let Some(expected) = own.filter(|own| *own != priced.currency) {
        let message = format!("The price's currency ({}) does not match the currency {expected}.", priced.currency);
        return Err(Refusal::of("currency", message));
    }
    Ok(Some(priced))
}

fn quantity(params: &Params) -> Result<Option<Box<str>>, Refusal> {
    match (params.int("quantity"), params.text("quantity_decimal")) {
        (Some(_), Some(_)) => Err(Refusal::exclusive("quantity", "quantity_decimal")),
        (Some(number), None) if number < 0 => {
            let refusal = Refusal::of("quantity", "This value must be greater than or equal to 0.");
            Err(refusal.code("parameter_invalid_integer"))
        }
        (Some(number), None) => Ok(Some(number.to_string().into())),
        (None, text) => Ok(text.map(Into::into)),
    }
}

fn by_amount(params: &Params, quantity: Option<&str>, currency: Option<Code>) -> Result<Priced, Refusal> {
    if quantity.is_some() {
        return Err(Refusal::exclusive("amount", "quantity"));
    }
    let currency = currency.ok_or_else(|| Refusal::missing("currency"))?;
    let amount = currency.check(params.int("amount").unwrap_or_default(), "amount")?;
    let unit = amount.to_string().into();
    Ok(Priced { amount, currency, quantity: "1".into(), unit, price: None, product: None })
}

fn by_unit(unit: &str, quantity: Option<Box<str>>, currency: Code, param: &str) -> Result<Priced, Refusal> {
    let quantity = quantity.unwrap_or_else(|| "1".into());
    let amount = multiplied(unit, &quantity).ok_or_else(|| too_large(param))?;
    let amount = currency.check(amount, param)?;
    Ok(Priced { amount, currency, quantity, unit: unit.into(), price: None, product: None })
}

fn by_price(store: &Store, params: &Params, quantity: Option<Box<str>>) -> Result<Priced, Refusal> {
    let id = params.map("pricing").and_then(|pricing| pricing.get("price")).and_then(Value::as_str);
    let place = store.price(id.ok_or_else(|| Refusal::missing("pricing[price]"))?, "pricing[price]")?;
    let price = &store.prices[at(place)];
    if price.is_recurring() {
        let message = "The price specified is set to `type=recurring` but this field only accepts prices with \
                       `type=one_time`.";
        return Err(Refusal::of("pricing[price]", message));
    }
    if !price.active {
        let message = "The price specified is inactive. This field only accepts active prices.";
        return Err(Refusal::of("pricing[price]", message));
    }
    let quantity = quantity.unwrap_or_else(|| "1".into());
    let amount = price.times(&quantity).ok_or_else(|| too_large("quantity"))?;
    let amount = price.currency.check(amount, "quantity")?;
    let product = Some(store.products[at(price.product)].name.clone());
    Ok(Priced { amount, currency: price.currency, quantity, unit: price.unit.clone(), price: Some(place), product })
}

fn by_price_data(store: &Store, params: &Params, quantity: Option<Box<str>>) -> Result<Priced, Refusal> {
    let data = Params(params.map("price_data").cloned().unwrap_or_default());
    let currency = Code::new(data.required("currency")?);
    let unit = match (data.int("unit_amount"), data.text("unit_amount_decimal")) {
        (Some(_), Some(_)) => {
            return Err(Refusal::exclusive("price_data[unit_amount]", "price_data[unit_amount_decimal]"));
        }
        (Some(number), None) => number.to_string(),
        (None, Some(text)) => text.to_owned(),
        (None, None) => return Err(Refusal::missing("price_data[unit_amount]")),
    };
    let mut priced = by_unit(&unit, quantity, currency, "price_data[unit_amount]")?;
    priced.product = match (data.text("product"), data.map("product_data")) {
        (Some(id), _) => Some(store.products[at(store.product(id, "price_data[product]")?)].name.clone()),
        (None, Some(new)) => new.get("name").and_then(Value::as_str).map(Into::into),
        (None, None) => return Err(Refusal::missing("price_data[product]")),
    };
    Ok(priced)
}

fn too_large(param: &str) -> Refusal {
    Refusal::of(param, "Amount must be no more than 999999999999.").code("amount_too_large")
}

impl Priced {
    /// A new item of this price.
    pub(super) fn item(self, store: &Store, customer: u32) -> Item {
        Item {
            created: store.now,
            customer,
            invoice: None,
            amount: self.amount,
            currency: self.currency,
            quantity: self.quantity,
            unit_amount: self.unit,
            price: self.price,
            description: self.product,
            metadata: crate::store::metadata::Metadata::default(),
            period: (store.now, store.now),
            discountable: self.amount >= 0,
            deleted: false,
        }
    }

    /// Gives an old item this price.
    pub(super) fn put_on(self, item: &mut Item) {
        item.amount = self.amount;
        item.currency = self.currency;
        item.quantity = self.quantity;
        item.unit_amount = self.unit;
        item.price = self.price;
    }
}
