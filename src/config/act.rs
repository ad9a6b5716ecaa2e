//! What can be done to an invoice that is there, from a row.

/// What is done to an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A draft becomes final.
    Finalize,
    /// It is mailed.
    Send,
    /// The customer's stored means of payment is charged.
    Pay,
    /// It is taken back.
    Void,
    /// It is given up.
    MarkUncollectible,
    /// What was paid through the target goes back, wholly or in part.
    Refund,
    /// It is lowered by a credit note.
    Credit,
    /// A payment by bank, cash or another wallet is claimed, confirmed or cancelled.
    RecordPayment,
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Finalize,
        Self::Send,
        Self::Pay,
        Self::Void,
        Self::MarkUncollectible,
        Self::Refund,
        Self::Credit,
        Self::RecordPayment,
    ];

    /// Its name in mapping files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Finalize => "finalize_invoice",
            Self::Send => "send_invoice",
            Self::Pay => "pay_invoice",
            Self::Void => "void_invoice",
            Self::MarkUncollectible => "mark_uncollectible",
            Self::Refund => "create_refund",
            Self::Credit => "create_credit_note",
            Self::RecordPayment => "record_payment",
        }
    }

    /// The target's operation.
    pub fn operation(self) -> &'static str {
        match self {
            Self::Finalize => "POST /v1/invoices/{invoice}/finalize",
            Self::Send => "POST /v1/invoices/{invoice}/send",
            Self::Pay | Self::RecordPayment => "POST /v1/invoices/{invoice}/pay",
            Self::Void => "POST /v1/invoices/{invoice}/void",
            Self::MarkUncollectible => "POST /v1/invoices/{invoice}/mark_uncollectible",
            Self::Refund => "POST /v1/refunds",
            Self::Credit => "POST /v1/credit_notes",
        }
    }

    /// Whether its rows say how much.
    pub fn is_money(self) -> bool {
        matches!(self, Self::Refund | Self::Credit | Self::RecordPayment)
    }

    /// The kind of object that it makes; none where it only changes the invoice.
    pub fn makes(self) -> Option<&'static str> {
        match self {
            Self::Refund => Some("refund"),
            Self::Credit => Some("credit_note"),
            _ => None,
        }
    }

    /// The operation's parameters that rowbill sets, or that would go around it.
    pub fn reserved(self) -> &'static [&'static str] {
        match self {
            Self::Finalize => &["expand", "auto_advance"],
            Self::Pay => &["expand", "paid_out_of_band", "forgive"],
            Self::Refund => &["expand", "charge", "payment_intent", "currency", "customer", "origin"],
            Self::Credit => &["expand", "refunds"],
            _ => &["expand"],
        }
    }
}
