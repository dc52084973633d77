//! To and from CSV (RFC 4180): a line per seat, per standing area and per tier, and one for the hall's name.

use std::collections::HashMap;

use contracts::seat_map::{
    FAULTS_MAX, FORMAT, MapSeat, MapTier, PARTS_MAX, Row, SeatMap, Section, StandingArea, TIERS_MAX, UNITS_MAX,
};
use csv::{ReaderBuilder, StringRecord, Trim, Writer};
use serde::{Deserialize, Serialize};

/// The columns, in any order; those that no line needs may be left out.
const COLUMNS: [&str; 15] = [
    "section",
    "row",
    "seat",
    "tier",
    "x",
    "y",
    "aisle_after",
    "accessible",
    "companion",
    "restricted_view",
    "table",
    "capacity",
    "name",
    "price_minor",
    "fee_minor",
];
/// Lines of one sheet, at most: more cannot be a map.
const LINES_MAX: usize = UNITS_MAX as usize + PARTS_MAX + TIERS_MAX + 1;

/// A line. What it is about shows in what it fills: a seat has `seat`; a standing area has `section` and no `seat`; a tier has
/// `tier` and no `section`; the hall has none of them, but a `name`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Line {
    section: String,
    row: String,
    seat: String,
    tier: String,
    x: Option<f64>,
    y: Option<f64>,
    aisle_after: Option<bool>,
    accessible: Option<bool>,
    companion: Option<bool>,
    restricted_view: Option<String>,
    table: Option<bool>,
    capacity: Option<u32>,
    name: Option<String>,
    price_minor: Option<i64>,
    fee_minor: Option<i64>,
}

impl Line {
    /// Columns that it fills and that say nothing about such a line.
    fn idle(&self, kind: Kind) -> Vec<&'static str> {
        let seat = kind == Kind::Seat;
        let tier = kind == Kind::Tier;
        let filled = [
            ("row", !self.row.is_empty() && !seat),
            ("x", self.x.is_some() && !seat),
            ("y", self.y.is_some() && !seat),
            ("aisle_after", self.aisle_after.is_some() && !seat),
            ("accessible", self.accessible.is_some() && !seat),
            ("companion", self.companion.is_some() && !seat),
            ("restricted_view", self.restricted_view.is_some() && !seat),
            ("table", self.table.is_some() && !seat),
            ("capacity", self.capacity.is_some() && kind != Kind::Standing),
            ("name", self.name.is_some() && !tier && kind != Kind::Hall),
            ("price_minor", self.price_minor.is_some() && !tier),
            ("fee_minor", self.fee_minor.is_some() && !tier),
        ];
        filled.into_iter().filter(|(_, idle)| *idle).map(|(column, _)| column).collect()
    }

    fn kind(&self) -> Kind {
        match (self.seat.is_empty(), self.section.is_empty(), self.tier.is_empty()) {
            (false, ..) => Kind::Seat,
            (true, false, _) => Kind::Standing,
            (true, true, false) => Kind::Tier,
            (true, true, true) => Kind::Hall,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hall,
    Tier,
    Seat,
    Standing,
}

/// The sheet of a map: coordinates in the map's, pieces of a row parted by an aisle, drawings left out.
///
/// # Errors
/// Never, since it is written to memory.
pub fn export(map: &SeatMap) -> csv::Result<Vec<u8>> {
    let mut sheet = Writer::from_writer(Vec::new());
    sheet.serialize(Line { name: Some(map.name.clone()), ..Line::default() })?;
    for tier in &map.tiers {
        sheet.serialize(Line {
            tier: tier.id.clone(),
            name: Some(tier.name.clone()),
            price_minor: Some(tier.price_minor),
            fee_minor: Some(tier.fee_minor),
            ..Line::default()
        })?;
    }
    let flag = |set: bool| set.then_some(true);
    for section in &map.sections {
        for (nth, row) in section.rows.iter().enumerate() {
            let goes_on = section.rows[nth + 1..].iter().any(|later| later.label == row.label);
            for (place, seat) in row.seats.iter().enumerate() {
                let centre = seat.centre(section, row);
                let ends_piece = goes_on && place + 1 == row.seats.len();
                sheet.serialize(Line {
                    section: section.name.clone(),
                    row: row.label.clone(),
                    seat: seat.label.clone(),
                    tier: seat.tier.clone(),
                    x: Some(centre.x),
                    y: Some(centre.y),
                    aisle_after: flag(seat.aisle_after || ends_piece),
                    accessible: flag(seat.accessible),
                    companion: flag(seat.companion),
                    restricted_view: seat.restricted_view.clone(),
                    table: flag(row.table),
                    ..Line::default()
                })?;
            }
        }
    }
    for area in &map.standing {
        sheet.serialize(Line {
            section: area.name.clone(),
            tier: area.tier.clone(),
            capacity: Some(area.capacity),
            ..Line::default()
        })?;
    }
    sheet.into_inner().map_err(|fault| fault.into_error().into())
}

/// The map of a sheet. The hall's name and the tiers are those of the map that is `known` where the sheet says none.
///
/// # Errors
/// What cannot be read, each with its line. Other faults are for [`SeatMap::faults`] to find.
pub fn import(bytes: &[u8], known: Option<&SeatMap>) -> Result<SeatMap, Vec<String>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(bytes);
    let header = reader.headers().map_err(|fault| vec![fault.to_string()])?.clone();
    if !is_header(&header) {
        return Err(vec![format!("line 1: must name columns, each once, of these: {}", COLUMNS.join(","))]);
    }
    let mut sheet = Sheet::default();
    let mut faults = Vec::new();
    for (nth, line) in reader.deserialize::<Line>().enumerate() {
        if nth >= LINES_MAX {
            faults.push(format!("the sheet has more than {LINES_MAX} lines, and a map at most {UNITS_MAX} places"));
            break;
        }
        match line {
            Ok(line) => {
                let (kind, at) = (line.kind(), nth + 2);
                let idle = line.idle(kind);
                if idle.is_empty() {
                    sheet.take(kind, line).unwrap_or_else(|fault| faults.push(format!("record {at}: {fault}")));
                } else {
                    let what = match kind {
                        Kind::Hall => "the hall",
                        Kind::Tier => "a tier",
                        Kind::Seat => "a seat",
                        Kind::Standing => "a standing area",
                    };
                    faults.push(format!("record {at}: is about {what}, which has no {}", idle.join(", ")));
                }
            }
            Err(fault) => faults.push(told(&fault, &header)),
        }
        if faults.len() >= FAULTS_MAX {
            break;
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let name = sheet.name.or_else(|| known.map(|known| known.name.clone()));
    let tiers = if sheet.tiers.is_empty() { known.map(|known| known.tiers.clone()) } else { Some(sheet.tiers) };
    Ok(SeatMap {
        format: FORMAT.to_owned(),
        name: name.unwrap_or_else(|| "Hall".to_owned()),
        size: None,
        stage: known.and_then(|known| known.stage),
        tiers: tiers.unwrap_or_default(),
        sections: sheet.sections,
        standing: sheet.standing,
    })
}

fn is_header(header: &StringRecord) -> bool {
    let times = |column: &str| header.iter().filter(|given| *given == column).count();
    header.iter().all(|given| COLUMNS.contains(&given) && times(given) == 1) && times("tier") == 1
}

/// What cannot be read, with its record and column as far as they are known.
fn told(fault: &csv::Error, header: &StringRecord) -> String {
    if let csv::ErrorKind::Deserialize { pos, err } = fault.kind() {
        let record = pos.as_ref().map_or(0, |pos| pos.record() + 1);
        let column = err.field().and_then(|field| header.get(field as usize)).unwrap_or("?");
        return format!("record {record}, {column}: {}", err.kind());
    }
    fault.to_string()
}

/// What was read so far.
#[derive(Default)]
struct Sheet {
    name: Option<String>,
    tiers: Vec<MapTier>,
    sections: Vec<Section>,
    standing: Vec<StandingArea>,
    section_of: HashMap<String, usize>,
    row_of: HashMap<(usize, String), usize>,
}

impl Sheet {
    fn take(&mut self, kind: Kind, line: Line) -> Result<(), &'static str> {
        match kind {
            Kind::Hall => self.name = Some(line.name.ok_or("says nothing")?),
            Kind::Tier => self.tiers.push(MapTier {
                id: line.tier,
                name: line.name.ok_or("a tier needs a name")?,
                price_minor: line.price_minor.ok_or("a tier needs a price_minor")?,
                fee_minor: line.fee_minor.unwrap_or(0),
                color: None,
            }),
            Kind::Standing => {
                let capacity = line.capacity.ok_or("needs a seat, or the capacity of a standing area")?;
                self.standing.push(StandingArea { name: line.section, tier: line.tier, capacity });
            }
            Kind::Seat => self.seat(line),
        }
        Ok(())
    }

    fn seat(&mut self, line: Line) {
        let section = *self.section_of.entry(line.section).or_insert_with_key(|name| {
            self.sections.push(Section { name: name.clone(), ..Section::default() });
            self.sections.len() - 1
        });
        let rows = &mut self.sections[section].rows;
        let row = *self.row_of.entry((section, line.row)).or_insert_with_key(|(_, label)| {
            rows.push(Row { label: label.clone(), ..Row::default() });
            rows.len() - 1
        });
        let row = &mut rows[row];
        row.table |= line.table == Some(true);
        row.seats.push(MapSeat {
            label: line.seat,
            tier: line.tier,
            x: line.x.unwrap_or(0.0),
            y: line.y.unwrap_or(0.0),
            aisle_after: line.aisle_after == Some(true),
            accessible: line.accessible == Some(true),
            companion: line.companion == Some(true),
            restricted_view: line.restricted_view,
            drawing: None,
        });
    }
}

#[cfg(test)]
mod tests;
