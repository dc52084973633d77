//! Lists as CSV (RFC 4180) with a header: read line by line, each fault told with its line and column. What a line says is never
//! repeated in a fault, since codes are secrets and addresses personal.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use contracts::access::Imported;
use contracts::problem::Problem;
use csv::{ByteRecord, ReaderBuilder, Trim};

/// Lines of one list, at most.
pub const LINES_MAX: usize = 250_000;
/// Faults told, at most.
const TOLD: usize = 100;

/// A CSV body.
pub struct Csv(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Csv {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("text/csv")) {
            return Err(Problem::new(415, "not-csv", "Only CSV is understood here", "send content-type: text/csv"));
        }
        Bytes::from_request(request, state).await.map(Self).map_err(|rejection| {
            let status = rejection.status().as_u16();
            Problem::new(status, "unreadable-body", "The body could not be read", rejection.body_text())
        })
    }
}

/// What is wrong in a list.
#[derive(Debug, Default)]
pub struct LineFaults {
    told: Vec<String>,
    /// Lines with faults.
    lines: usize,
    last: u64,
}

impl LineFaults {
    /// Notes a fault; those of one line one after the other.
    pub fn add(&mut self, line: u64, column: &str, fault: &str) {
        if self.last != line {
            self.lines += 1;
            self.last = line;
        }
        if self.told.len() < TOLD {
            self.told.push(format!("line {line}, {column}: {fault}"));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// The answer to an import that took what it could.
    pub fn imported(self, imported: usize) -> Imported {
        Imported { imported: imported as u64, refused: self.lines as u64, faults: self.told }
    }

    /// The answer to an import that took nothing because of them.
    pub fn refused(self) -> Problem {
        let detail = match (self.lines, self.told.len()) {
            (1, _) => "1 line has a fault; nothing was imported".to_owned(),
            (lines, told) if lines > told => {
                format!("{lines} lines have faults, the first {told} told here; nothing was imported")
            }
            (lines, _) => format!("{lines} lines have faults; nothing was imported"),
        };
        Problem::new(422, "bad-lines", "Some lines cannot be imported", detail).with_faults(self.told)
    }
}

/// A line that is being read.
pub struct Line<'a> {
    /// Its number, counting from 1, the header's.
    pub number: u64,
    record: &'a ByteRecord,
    columns: &'a [Option<usize>],
    faults: &'a mut LineFaults,
    sound: bool,
}

impl Line<'_> {
    /// A column's text; empty where the list has no such column.
    fn text(&mut self, column: usize, name: &str) -> Option<String> {
        let bytes = self.columns[column].and_then(|at| self.record.get(at)).unwrap_or_default();
        let text = std::str::from_utf8(bytes).ok().map(ToOwned::to_owned);
        if text.is_none() {
            self.fault(name, "is not UTF-8");
        }
        text
    }

    pub fn fault(&mut self, name: &str, fault: &str) {
        self.faults.add(self.number, name, fault);
        self.sound = false;
    }

    /// A column that must say something, read by `read`, which tells what is wrong.
    pub fn must<T>(
        &mut self,
        (column, name): (usize, &str),
        read: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        let text = self.text(column, name)?;
        match read(&text) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.fault(name, fault);
                None
            }
        }
    }

    /// A column that may be empty.
    pub fn may<T>(&mut self, at: (usize, &str), read: impl FnOnce(&str) -> Result<T, &'static str>) -> Option<T> {
        self.must(at, |text| if text.is_empty() { Ok(None) } else { read(text).map(Some) }).flatten()
    }
}

/// Reads a list with these columns, of which the first `needed` must be there, in any order. Lines of which `read` gives
/// nothing have faults.
///
/// Refuses a list whose header is not understood, or which is too long.
pub fn read<T>(
    bytes: &[u8],
    names: &[&str],
    needed: usize,
    mut read: impl FnMut(&mut Line<'_>) -> Option<T>,
) -> Result<(Vec<(u64, T)>, LineFaults), Problem> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = ReaderBuilder::new().flexible(true).trim(Trim::All).from_reader(bytes);
    let header = reader.byte_headers().map_err(|_| bad_header(names))?.clone();
    let columns: Vec<Option<usize>> =
        names.iter().map(|name| header.iter().position(|given| given == name.as_bytes())).collect();
    let known = header.iter().all(|given| names.iter().any(|name| name.as_bytes() == given));
    if !known || columns[..needed].contains(&None) || header.len() != columns.iter().flatten().count() {
        return Err(bad_header(names));
    }
    let (mut items, mut faults) = (Vec::new(), LineFaults::default());
    let mut record = ByteRecord::new();
    for count in 0.. {
        let more = reader.read_byte_record(&mut record).map_err(|fault| Problem::invalid(fault.to_string()))?;
        if !more {
            break;
        }
        if count >= LINES_MAX {
            return Err(Problem::new(
                413,
                "list-too-long",
                "The list is too long",
                format!("send at most {LINES_MAX} lines at once"),
            ));
        }
        let number = record.position().map_or(0, |at| line_of(bytes, at));
        let mut line = Line { number, record: &record, columns: &columns, faults: &mut faults, sound: true };
        if record.len() != header.len() {
            line.fault("all columns", "there are more or fewer of them than in the header");
            continue;
        }
        let item = read(&mut line);
        if line.sound
            && let Some(item) = item
        {
            items.push((number, item));
        }
    }
    Ok((items, faults))
}

/// The line on which a record begins. The reader's position may still be before the ends of the line before and of empty ones.
fn line_of(bytes: &[u8], at: &csv::Position) -> u64 {
    let rest = bytes.get(at.byte() as usize..).unwrap_or_default();
    let ends = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    at.line() + ends.filter(|byte| **byte == b'\n').count() as u64
}

fn bad_header(names: &[&str]) -> Problem {
    let detail = format!("line 1: must name columns, each once, of these: {}", names.join(","));
    Problem::new(422, "bad-header", "The list's header is not understood", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str) -> Result<(Vec<(u64, u32)>, LineFaults), Problem> {
        read(text.as_bytes(), &["n", "note"], 1, |line| {
            line.may((1, "note"), |note| if note.len() < 5 { Ok(()) } else { Err("too long") });
            line.must((0, "n"), |text| text.parse().map_err(|_| "must be a number"))
        })
    }

    #[test]
    fn every_bad_line_is_named_with_its_column() {
        let (items, faults) =
            numbers("\u{feff}note,n\r\nhi,1\r\n,x\r\n\"a\r\nb\",3\r\nlonger,4\r\n5\r\n, 6 \r\n").unwrap();
        assert_eq!(items, [(2, 1), (4, 3), (8, 6)]);
        assert_eq!(faults.lines, 3);
        let told = ["line 3, n: must be a number", "line 6, note: too long"];
        assert_eq!(faults.told[..2], told);
        assert!(faults.told[2].starts_with("line 7, all columns: "), "{faults:?}");
    }

    #[test]
    fn headers_name_each_column_once() {
        for wrong in ["", "note\n", "n,n\n1,1\n", "n,what\n1,2\n", "n,\n1,\n"] {
            assert_eq!(numbers(wrong).unwrap_err().code, "bad-header", "{wrong:?}");
        }
        assert_eq!(numbers("n\n7\n").unwrap().0, [(2, 7)]);
    }

    #[test]
    fn bytes_that_are_no_text_are_a_fault_of_their_line() {
        let (items, faults) = read(b"n\n\xff\n2\n", &["n"], 1, |line| {
            line.must((0, "n"), |text| text.parse::<u32>().map_err(|_| "must be a number"))
        })
        .unwrap();
        assert_eq!((items, faults.told), (vec![(3, 2)], vec!["line 2, n: is not UTF-8".to_owned()]));
    }
}
