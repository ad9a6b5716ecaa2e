//! Customers, items, products and prices.

use crate::client::Stripe;

#[tokio::test]
async fn a_customers_life() {
    let stripe = Stripe::start();
    let form = "email=ann@example.org&name=Ann&description=d&phone=1&address[city]=Kyiv&metadata[a]=1&metadata[b]=2\
                &preferred_locales[]=uk&shipping[name]=S&shipping[address][line1]=L&invoice_settings[footer]=F";
    let made = stripe.post("/v1/customers", form).await;
    let path = format!("/v1/customers/{}", made.id());
    assert_eq!(made.body["address"]["city"], "Kyiv");
    assert_eq!(made.body["address"]["line1"], serde_json::Value::Null);
    assert_eq!(made.body["invoice_settings"]["footer"], "F");
    assert_eq!(made.body["preferred_locales"][0], "uk");
    assert_eq!(stripe.get(&path).await.body, made.body);
    let changed = stripe.post(&path, "name=Anna&metadata[a]=&metadata[c]=3&address=").await;
    assert_eq!(changed.body["metadata"].to_string(), r#"{"b":"2","c":"3"}"#);
    assert_eq!(
        (changed.body["name"].as_str(), changed.body["email"].as_str()),
        (Some("Anna"), Some("ann@example.org"))
    );
    assert!(changed.body["address"].is_null());
    let deleted = stripe.delete(&path).await;
    assert_eq!((deleted.body["deleted"].as_bool(), deleted.body["object"].as_str()), (Some(true), Some("customer")));
    assert_eq!(stripe.get(&path).await.body["deleted"], true);
    assert_eq!(stripe.post(&path, "name=B").await.error(), (404, "resource_missing", "id"));
    assert!(stripe.get("/v1/customers?email=ann@example.org").await.data().is_empty());
    let item = format!("customer={}&amount=5&currency=eur", made.id());
    assert_eq!(stripe.post("/v1/invoiceitems", &item).await.error(), (400, "resource_missing", "customer"));
}

#[tokio::test]
async fn bad_values_are_refused() {
    let stripe = Stripe::start();
    assert_eq!(stripe.post("/v1/customers", "email=ann").await.error(), (400, "email_invalid", "email"));
    let keys: Vec<String> = (0..51).map(|n| format!("metadata[k{n}]=v")).collect();
    assert_eq!(stripe.post("/v1/customers", &keys.join("&")).await.status, 400);
    assert_eq!(stripe.post("/v1/customers", &keys[1..].join("&")).await.status, 200);
    assert_eq!(stripe.get("/v1/nothing").await.status, 404);
    let unplayed = stripe.get("/v1/coupons").await;
    assert!(unplayed.body["error"]["message"].as_str().unwrap().contains("does not play GET /v1/coupons"));
}

#[tokio::test]
async fn items_by_amount_unit_amount_and_price() {
    let stripe = Stripe::start();
    let customer = stripe.customer().await;
    let item = async |form: &str| item_of(&stripe, &customer, form).await;
    let by_amount = item("amount=-500&currency=eur&description=credit&period[start]=1&period[end]=2").await;
    assert_eq!((by_amount.body["amount"].as_i64(), by_amount.body["quantity"].as_i64()), (Some(-500), Some(1)));
    assert_eq!(by_amount.body["pricing"]["unit_amount_decimal"], "-500");
    assert!(by_amount.body.get("price").is_none() && by_amount.body["invoice"].is_null());
    let by_unit = item("unit_amount_decimal=33.335&quantity=3&currency=eur").await;
    assert_eq!(by_unit.body["amount"], 100);
    let price = stripe.post("/v1/prices", "currency=eur&unit_amount=250&product_data[name]=Hour").await;
    let by_price = item(&format!("pricing[price]={}&quantity=4", price.id())).await;
    assert_eq!((by_price.body["amount"].as_i64(), by_price.body["description"].as_str()), (Some(1000), Some("Hour")));
    assert_eq!(by_price.body["pricing"]["price_details"]["price"], price.id());
    let more = stripe.post(&format!("/v1/invoiceitems/{}", by_price.id()), "quantity=5").await;
    assert_eq!(more.body["amount"], 1250);
    let product = price.body["product"].as_str().unwrap();
    let data = item(&format!("price_data[currency]=eur&price_data[product]={product}&price_data[unit_amount]=7")).await;
    assert_eq!(data.body["amount"], 7);
}

async fn item_of(stripe: &Stripe, customer: &str, form: &str) -> crate::client::Answer {
    stripe.post("/v1/invoiceitems", &format!("customer={customer}&{form}")).await
}

#[tokio::test]
async fn items_that_make_no_sense() {
    let stripe = Stripe::start();
    let customer = stripe.customer().await;
    let item = async |form: &str| item_of(&stripe, &customer, form).await;
    assert_eq!(item("currency=eur").await.error(), (400, "parameter_missing", "amount"));
    assert_eq!(item("amount=5").await.error(), (400, "parameter_missing", "currency"));
    assert_eq!(item("amount=5&currency=eur&quantity=2").await.error(), (400, "parameters_exclusive", "amount"));
    assert_eq!(item("amount=150&currency=isk").await.error(), (400, "parameter_invalid_integer", "amount"));
    assert_eq!(item("amount=5&currency=eur&invoice=in_no").await.error(), (400, "resource_missing", "invoice"));
    let taxed = item("amount=5&currency=eur&tax_rates[]=txr_1").await;
    assert!(taxed.body["error"]["message"].as_str().unwrap().contains("does not play tax_rates"));
    assert!(stripe.sandbox.objects("invoiceitem").is_empty());
}

#[tokio::test]
async fn products_and_prices() {
    let stripe = Stripe::start();
    let form = "id=hours&name=Hours&default_price_data[currency]=eur&default_price_data[unit_amount]=900";
    let product = stripe.post("/v1/products", form).await;
    assert_eq!(product.id(), "hours");
    let price = product.body["default_price"].as_str().unwrap().to_owned();
    assert_eq!(stripe.get(&format!("/v1/prices/{price}")).await.body["unit_amount_decimal"], "900");
    assert_eq!(stripe.post("/v1/products", "id=hours&name=X").await.error(), (400, "resource_already_exists", "id"));
    let refused = stripe.post("/v1/products", "name=Y&default_price_data[currency]=eur").await;
    assert_eq!(refused.error().1, "parameter_missing");
    assert_eq!(stripe.get("/v1/products").await.ids(), ["hours"]);
    let renamed = stripe.post("/v1/products/hours", "name=Work&active=false").await;
    assert_eq!((renamed.body["name"].as_str(), renamed.body["active"].as_bool()), (Some("Work"), Some(false)));
    let off = stripe.post(&format!("/v1/prices/{price}"), "active=false").await;
    assert_eq!(off.body["active"], false);
    assert_eq!(stripe.get("/v1/prices?product=hours&active=false").await.ids(), [price.as_str()]);
    let customer = stripe.customer().await;
    let item = format!("customer={customer}&pricing[price]={price}");
    assert_eq!(stripe.post("/v1/invoiceitems", &item).await.error().2, "pricing[price]");
    assert_eq!(stripe.delete("/v1/products/hours").await.status, 400);
}
