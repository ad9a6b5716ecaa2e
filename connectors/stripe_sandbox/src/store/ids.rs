//! Ids that look like Stripe's and hold the object's place in its table, so that no index of texts is needed.

use crate::store::Kind;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62 to the 11th is more than 2 to the 64th.
const PLACE_DIGITS: usize = 11;
/// Any odd number; multiplying by it and back by its inverse shuffles all 64-bit numbers.
const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
const INVERSE: u64 = 0xF1DE_83E1_9937_733D;

/// Makes and reads the ids of one sandbox. Another salt gives other ids.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ids {
    salt: u64,
}

impl Ids {
    pub(crate) fn new(salt: u64) -> Self {
        Self { salt: shuffle(salt ^ ODD) }
    }

    /// The id of the object at a place of a table.
    pub(crate) fn id(self, kind: Kind, place: u32) -> String {
        let salt = self.salt_of(kind);
        let mut id = String::with_capacity(28);
        id.push_str(kind.prefix());
        // Customers and products have 14 characters after the prefix, the others 24, of which the first is a 1.
        let filling = if matches!(kind, Kind::Customer | Kind::Product) {
            3
        } else {
            id.push('1');
            12
        };
        push_digits(&mut id, shuffle(!salt), filling);
        push_digits(&mut id, shuffle(u64::from(place) ^ salt), PLACE_DIGITS);
        id
    }

    /// The place that an id of this sandbox stands for; it may be beyond the end of the table.
    pub(crate) fn place(self, kind: Kind, id: &str) -> Option<u32> {
        let digits = id.as_bytes().get(id.len().checked_sub(PLACE_DIGITS)?..)?;
        let mut number: u64 = 0;
        for byte in digits {
            let digit = DIGITS.iter().position(|each| each == byte)?;
            number = number.checked_mul(62)?.checked_add(digit as u64)?;
        }
        let place = u32::try_from(unshuffle(number) ^ self.salt_of(kind)).ok()?;
        (self.id(kind, place) == id).then_some(place)
    }

    /// A request's id.
    pub(crate) fn request(self, number: u64) -> String {
        let mut id = String::from("req_");
        push_digits(&mut id, shuffle(!self.salt), 3);
        push_digits(&mut id, shuffle(number ^ self.salt), PLACE_DIGITS);
        id
    }

    /// What a webhook endpoint's deliveries are signed with.
    pub(crate) fn signing_secret(self, endpoint: u32) -> String {
        let mut secret = String::from("whsec_");
        for part in 0..3 {
            push_digits(&mut secret, shuffle(self.salt ^ (u64::from(endpoint) << 8 | part | 1 << 63)), PLACE_DIGITS);
        }
        secret.truncate("whsec_".len() + 32);
        secret
    }

    /// The account's id.
    pub(crate) fn account(self) -> String {
        let mut id = String::from("acct_1");
        push_digits(&mut id, shuffle(self.salt ^ 1), PLACE_DIGITS);
        push_digits(&mut id, shuffle(self.salt ^ 2), 4);
        id
    }

    /// What a customer's invoice numbers begin with.
    pub(crate) fn invoice_prefix(self, customer: u32) -> String {
        let number = shuffle(u64::from(customer) ^ self.salt);
        (0..8).map(|digit| char::from(DIGITS[usize::from(number.to_le_bytes()[digit] % 36)])).collect()
    }

    fn salt_of(self, kind: Kind) -> u64 {
        self.salt.wrapping_add(shuffle(kind as u64 + 1))
    }
}

fn shuffle(number: u64) -> u64 {
    number.wrapping_mul(ODD).rotate_left(32).wrapping_mul(ODD)
}

fn unshuffle(number: u64) -> u64 {
    number.wrapping_mul(INVERSE).rotate_left(32).wrapping_mul(INVERSE)
}

/// The lowest `count` digits of a number, highest first.
fn push_digits(to: &mut String, mut number: u64, count: usize) {
    let mut digits = [b'0'; 12];
    for digit in digits.iter_mut().take(count).rev() {
        *digit = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    to.extend(digits[..count].iter().map(|&digit| char::from(digit)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_lead_back_to_their_place() {
        let ids = Ids::new(42);
        for kind in Kind::ALL {
            for place in [0, 1, 2, 999_999, u32::MAX] {
                assert_eq!(ids.place(kind, &ids.id(kind, place)), Some(place), "{kind:?} {place}");
            }
        }
        assert_eq!(ids.id(Kind::Customer, 0).len(), "cus_QXg1o8vcGmoR32".len());
        assert_eq!(ids.id(Kind::Invoice, 7).len(), "in_1Pgc6tB7WZ01zgkWu9fdqL6I".len());
    }

    #[test]
    fn foreign_ids_lead_nowhere() {
        let (ids, other) = (Ids::new(1), Ids::new(2));
        assert_eq!(ids.place(Kind::Customer, &other.id(Kind::Customer, 0)), None);
        assert_eq!(ids.place(Kind::Invoice, &ids.id(Kind::Item, 0)), None);
        for text in ["", "cus_", "cus_ééééééééééé", "zzzzzzzzzzz"] {
            assert_eq!(ids.place(Kind::Customer, text), None);
        }
    }
}
