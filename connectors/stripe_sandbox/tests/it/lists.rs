//! Lists, their cursors and filters; search and how far it is behind.

use std::time::Duration;

use crate::client::Stripe;

#[tokio::test]
async fn pages_go_from_the_newest_to_the_oldest_and_back() {
    let stripe = Stripe::start();
    let mut made = Vec::new();
    for n in 0..5 {
        made.insert(0, stripe.post("/v1/customers", &format!("name=c{n}")).await.id().to_owned());
    }
    let first = stripe.get("/v1/customers?limit=2").await;
    assert_eq!((first.ids(), first.body["has_more"].as_bool()), (vec![&*made[0], &*made[1]], Some(true)));
    let second = stripe.get(&format!("/v1/customers?limit=3&starting_after={}", made[1])).await;
    assert_eq!((second.ids(), second.body["has_more"].as_bool()), (vec![&*made[2], &*made[3], &*made[4]], Some(false)));
    let back = stripe.get(&format!("/v1/customers?limit=1&ending_before={}", made[2])).await;
    assert_eq!((back.ids(), back.body["has_more"].as_bool()), (vec![&*made[1]], Some(true)));
    let lost = stripe.get("/v1/customers?starting_after=cus_nobody").await;
    assert_eq!(lost.error(), (400, "resource_missing", "starting_after"));
    for limit in ["0", "101", "many"] {
        let refused = stripe.get(&format!("/v1/customers?limit={limit}")).await;
        assert_eq!(refused.error(), (400, "parameter_invalid_integer", "limit"));
    }
}

#[tokio::test]
async fn filters() {
    let stripe = Stripe::start();
    let ann = stripe.post("/v1/customers", "email=ann@example.org").await.id().to_owned();
    stripe.post("/v1/customers", "email=Ann@example.org").await.id();
    assert_eq!(stripe.get("/v1/customers?email=ann@example.org").await.ids(), [ann.as_str()]);
    stripe.post(&format!("/v1/customers/{ann}"), "email=new@example.org").await.id();
    assert!(stripe.get("/v1/customers?email=ann@example.org").await.data().is_empty());
    assert_eq!(stripe.get("/v1/customers?email=new@example.org").await.ids(), [ann.as_str()]);
    stripe.sandbox.clock().advance(Duration::from_secs(100));
    let later = stripe.customer().await;
    let created = stripe.get(&format!("/v1/customers/{later}")).await.body["created"].as_i64().unwrap();
    assert_eq!(stripe.get(&format!("/v1/customers?created[gte]={created}")).await.ids(), [later.as_str()]);
    assert_eq!(stripe.get(&format!("/v1/customers?created[gt]={created}")).await.data().len(), 0);
    assert_eq!(stripe.get(&format!("/v1/customers?created[lt]={created}")).await.data().len(), 2);
    assert_eq!(stripe.get(&format!("/v1/customers?created={created}")).await.ids(), [later.as_str()]);
    let draft = stripe.draft(&later).await;
    stripe.draft(&ann).await;
    assert_eq!(stripe.get(&format!("/v1/invoices?customer={later}&status=draft")).await.ids(), [draft.as_str()]);
    assert!(stripe.get("/v1/invoices?status=open").await.data().is_empty());
    let expanded = stripe.get("/v1/invoices?limit=1&expand[]=data.customer").await;
    assert_eq!(expanded.data()[0]["customer"]["email"], "new@example.org");
}

#[tokio::test]
async fn lines_come_in_their_own_order() {
    let stripe = Stripe::start();
    let customer = stripe.customer().await;
    let invoice = stripe.draft(&customer).await;
    let lines: Vec<String> = (1..=12).map(|n| format!("lines[{n}][amount]={n}")).collect();
    let full = stripe.post(&format!("/v1/invoices/{invoice}/add_lines"), &lines.join("&")).await;
    assert_eq!(full.body["lines"]["data"].as_array().map(Vec::len), Some(10));
    assert_eq!(full.body["lines"]["has_more"], true);
    let path = format!("/v1/invoices/{invoice}/lines");
    let first = stripe.get(&format!("{path}?limit=8")).await;
    let amounts = |page: &crate::client::Answer| -> Vec<i64> {
        page.data().iter().map(|line| line["amount"].as_i64().unwrap()).collect()
    };
    assert_eq!(amounts(&first), [1, 2, 3, 4, 5, 6, 7, 8]);
    let next = stripe.get(&format!("{path}?starting_after={}", first.ids()[7])).await;
    assert_eq!((amounts(&next), next.body["has_more"].as_bool()), (vec![9, 10, 11, 12], Some(false)));
    assert_eq!(stripe.get(&format!("/v1/invoiceitems?invoice={invoice}&limit=100")).await.data().len(), 12);
}

#[tokio::test]
async fn search_is_behind_the_lists() {
    let stripe = Stripe::start();
    let ours = stripe.post("/v1/customers", "email=ann@example.org&metadata[rowbill_op]=op1").await.id().to_owned();
    stripe.post("/v1/customers", "email=bob@example.org").await.id();
    let has_op = "/v1/customers/search?query=-metadata%5B%22rowbill_op%22%5D%3Anull";
    assert!(stripe.get(has_op).await.data().is_empty());
    assert_eq!(stripe.get("/v1/customers").await.data().len(), 2);
    stripe.sandbox.clock().advance(Duration::from_secs(61));
    let found = stripe.get(has_op).await;
    assert_eq!((found.ids(), found.body["object"].as_str()), (vec![ours.as_str()], Some("search_result")));
    let both = r#"/v1/customers/search?query=email:"ann@example.org" AND metadata["rowbill_op"]:"op1""#;
    assert_eq!(stripe.get(&both.replace(' ', "%20").replace('"', "%22")).await.ids(), [ours.as_str()]);
    let page = stripe.get("/v1/customers/search?query=email~%22example%22&limit=1").await;
    let next = page.body["next_page"].as_str().unwrap();
    let second = stripe.get(&format!("/v1/customers/search?query=email~%22example%22&limit=1&page={next}")).await;
    assert_eq!((second.ids(), second.body["has_more"].as_bool()), (vec![ours.as_str()], Some(false)));
    stripe.draft(&ours).await;
    stripe.sandbox.clock().advance(Duration::from_secs(61));
    let invoices = format!("/v1/invoices/search?query=customer:%22{ours}%22%20AND%20status:%22draft%22");
    assert_eq!(stripe.get(&invoices).await.data().len(), 1);
    assert_eq!(stripe.get("/v1/customers/search?query=colour:1").await.error().2, "query");
}
