//! The acknowledgement: a delivery arrived, with so many rows. One line under `delivery,rows,at` (送付ID, 件数, 日時).

use model::problem::{Code, Place, Problem};
use model::{DeliveryId, Instant, Lang, Text, Zone};

use super::heading::{Column, Headings};
use super::table::{Table, Writer};
use super::{ANSWER_FOR_ANOTHER_DELIVERY, Expected, time, time_as};
use crate::writing::{Dialect, Written};

/// A delivery arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    /// The delivery.
    pub delivery: DeliveryId,
    /// How many rows arrived; the hub compares it with what it sent.
    pub rows: u64,
    /// When.
    pub at: Instant,
}

/// Writes an acknowledgement.
#[must_use]
pub fn write(ack: &Ack, dialect: Dialect, zone: &Zone, lang: Lang) -> Written {
    let columns = [Column::Delivery, Column::Rows, Column::At];
    let mut file = Writer::of(dialect, columns.map(|column| column.heading(dialect, lang)));
    file.row([&*ack.delivery.to_string(), &*ack.rows.to_string(), &*time_as(ack.at, dialect, zone)]);
    file.finish()
}

/// Reads an acknowledgement.
///
/// # Errors
/// A [`Problem`] where the file is unreadable, has a column too many or too few, is about another delivery, or is not one
/// line of delivery, number and time.
pub fn read(file: &str, bytes: &[u8], expected: &Expected) -> Result<Ack, Problem> {
    let table = Table::of(file, bytes)?;
    let headings = Headings::of(&table, &[Column::Delivery, Column::Rows], &[Column::At])?;
    let mut ack = None;
    for row in table.rows() {
        let row = row?;
        headings.check_width(&table, &row)?;
        if row.is_blank() {
            continue;
        }
        let bad = |column: Column| Problem::new(&ACK_BAD_ROW, Place::file(file).line(row.line).field(column.name()));
        let cell = |column| headings.cell(&row, column).unwrap_or("");
        let delivery: DeliveryId = cell(Column::Delivery).parse().map_err(|_| bad(Column::Delivery))?;
        if delivery != expected.delivery {
            return Err(Problem::new(&ANSWER_FOR_ANOTHER_DELIVERY, Place::file(file).line(row.line)));
        }
        let rows = cell(Column::Rows).parse().map_err(|_| bad(Column::Rows))?;
        let at = match cell(Column::At) {
            "" => expected.received,
            text => time(text, expected.zone.as_ref()).map_err(|_| bad(Column::At))?,
        };
        if ack.replace(Ack { delivery, rows, at }).is_some() {
            return Err(bad(Column::Delivery));
        }
    }
    ack.ok_or_else(|| Problem::new(&ACK_BAD_ROW, Place::file(file)))
}

/// An acknowledgement that is not one line of delivery, number and time.
pub static ACK_BAD_ROW: Code = Code {
    code: "ack-bad-row",
    text: Text { ja: "受領確認として読み取れません", en: "not an acknowledgement" },
    help: Text {
        ja: "見出し（delivery,rows,at）の下に、送付のID・件数・日時を1行だけ記載してください。",
        en: "under the heading `delivery,rows,at` give one line: the delivery's id, the number of rows, the time",
    },
    example: "delivery,rows,at\\n0146eb2c-2400-7000-8000-00c0ffee0001,many,",
};

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn what_is_written_is_read() {
        let delivery = DeliveryId::from_uuid(Uuid::from_u128(0x0146_eb2c_2400_7000_8000_00c0_ffee_0001));
        let at: Instant = "2014-07-01T00:00:00Z".parse().unwrap();
        let expected = Expected { delivery, rows: 839, received: at, zone: None };
        let ack = Ack { delivery, rows: 839, at };
        for (dialect, lang) in [(Dialect::Plain, Lang::En), (Dialect::Spreadsheet, Lang::Ja)] {
            let written = write(&ack, dialect, &Zone::tokyo(), lang);
            assert_eq!(read("ack.csv", &written.bytes, &expected), Ok(ack));
        }
        let other = Expected { delivery: DeliveryId::from_uuid(Uuid::from_u128(1)), ..expected.clone() };
        let bytes = write(&ack, Dialect::Plain, &Zone::utc(), Lang::En).bytes;
        assert_eq!(read("ack.csv", &bytes, &other).unwrap_err().code.code, "answer-for-another-delivery");
        for (file, code) in [
            ("delivery,rows\n", "ack-bad-row"),
            ("delivery,rows\n0146eb2c-2400-7000-8000-00c0ffee0001,many\n", "ack-bad-row"),
            ("delivery,rows,name\n", "answer-with-unknown-column"),
            ("delivery,rows\n0146eb2c-2400-7000-8000-00c0ffee0001,1,x\n", "answer-with-unknown-column"),
        ] {
            assert_eq!(read("ack.csv", file.as_bytes(), &expected).unwrap_err().code.code, code, "{file}");
        }
    }
}
