//! Names of cells: `'My sheet'!C5`.

/// A sheet's name in a range, in quotes always.
pub(crate) fn sheet(name: &str) -> String {
    format!("'{}'", name.replace('\'', "''"))
}

/// A column's letters; the first column is 0.
pub(crate) fn column(mut at: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(char::from(b'A' + u8::try_from(at % 26).unwrap_or_default()));
        if at < 26 {
            return letters.iter().rev().collect();
        }
        at = at / 26 - 1;
    }
}

/// A block of cells: rows from 1, columns from 0, both ends in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) rows: (u64, u64),
    pub(crate) columns: (usize, usize),
}

impl Block {
    /// The block's name in a sheet.
    pub(crate) fn name(self, of: &str) -> String {
        let Self { rows, columns } = self;
        let first = format!("{}!{}{}", sheet(of), column(columns.0), rows.0);
        if rows.0 == rows.1 && columns.0 == columns.1 {
            return first;
        }
        format!("{first}:{}{}", column(columns.1), rows.1)
    }
}

#[cfg(test)]
mod tests {
    use super::{Block, column, sheet};

    #[test]
    fn columns_count_in_letters() {
        let names: Vec<String> = [0, 25, 26, 51, 52, 701, 702, 18277].map(column).to_vec();
        assert_eq!(names, ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA", "ZZZ"]);
    }

    #[test]
    fn sheets_are_quoted() {
        assert_eq!(sheet("Bob's orders"), "'Bob''s orders'");
        assert_eq!(Block { rows: (2, 2), columns: (2, 2) }.name("O"), "'O'!C2");
        assert_eq!(Block { rows: (2, 9), columns: (2, 3) }.name("O"), "'O'!C2:D9");
    }
}
