//! Test cards: by the end of their number, and by Stripe's names of test payment methods (docs.stripe.com/testing).

/// What a card does when it is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Card {
    /// …4242: the charge succeeds.
    Good,
    /// …0002: the charge is declined.
    Declined,
    /// …3220: the customer has to authenticate first (3-D Secure).
    Authenticates,
    /// …0259: the charge succeeds and is disputed at once.
    Disputed,
}

/// Why a payment failed, in Stripe's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: &'static str,
    pub(crate) decline_code: Option<&'static str>,
    pub(crate) message: &'static str,
}

impl Failure {
    pub(crate) const DECLINED: Self =
        Self { code: "card_declined", decline_code: Some("generic_decline"), message: "Your card was declined." };
    pub(crate) const NOT_AUTHENTICATED: Self = Self {
        code: "payment_intent_authentication_failure",
        decline_code: None,
        message: "We are unable to authenticate your payment method. Please choose a different payment method and try \
                  again.",
    };
}

impl Card {
    const ALL: [Self; 4] = [Self::Good, Self::Declined, Self::Authenticates, Self::Disputed];

    pub(crate) fn of_number(number: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|card| number.ends_with(card.last4()))
    }

    /// `pm_card_visa_chargeDeclined`, `pm_card_authenticationRequired`, `pm_card_createDispute`; all others are good.
    pub(crate) fn of_method(id: &str) -> Self {
        let id = id.to_ascii_lowercase();
        if id.contains("declined") {
            Self::Declined
        } else if id.contains("authenticationrequired") {
            Self::Authenticates
        } else if id.contains("createdispute") {
            Self::Disputed
        } else {
            Self::Good
        }
    }

    pub(crate) fn last4(self) -> &'static str {
        match self {
            Self::Good => "4242",
            Self::Declined => "0002",
            Self::Authenticates => "3220",
            Self::Disputed => "0259",
        }
    }

    /// The test payment method that does the same.
    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::Good => "pm_card_visa",
            Self::Declined => "pm_card_chargeDeclined",
            Self::Authenticates => "pm_card_authenticationRequired",
            Self::Disputed => "pm_card_createDispute",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_lead_to_the_same_cards() {
        for card in Card::ALL {
            assert_eq!(Card::of_method(card.method()), card);
            assert_eq!(Card::of_number(&format!("400000000000{}", card.last4())), Some(card));
        }
        assert_eq!(Card::of_number("4000000000009995"), None);
        assert_eq!(Card::of_method("pm_card_visa_chargeDeclined"), Card::Declined);
    }
}
