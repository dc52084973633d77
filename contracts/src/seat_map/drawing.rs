//! What a seat map says for drawings only: pretix's seating plans have it, so it is kept for the way back. Nobody is seated by it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A place in the drawing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Down.
    pub y: f64,
}

/// How large a drawing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// To the right.
    pub width: i64,
    /// Down.
    pub height: i64,
}

/// Of a section.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SectionDrawing {
    /// The zone had no name in the plan that it came from, and the section's was made up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unnamed: bool,
    /// An identifier within the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone_id: Option<String>,
    /// An identifier within the world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Shapes around the seats: the stage, walls, words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub areas: Vec<Area>,
}

/// Of a row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RowDrawing {
    /// What to call the row in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_label: Option<String>,
    /// What to call its seats in a sentence, with `%s` for a seat's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat_label: Option<String>,
    /// An identifier within the world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Where the row's number is drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_number_position: Option<NumbersAt>,
}

/// An end of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NumbersAt {
    /// Before the first seat.
    Start,
    /// After the last seat.
    End,
    /// Both.
    Both,
}

/// Of a seat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeatDrawing {
    /// What other systems know the seat by, unique in the map; made of section, row and seat where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat_guid: Option<String>,
    /// An identifier within the world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Where filling the row begins, and which way: `<`, `>` or `<>`. The order of this format's seats is what counts here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_direction: Option<String>,
    /// How large the seat is drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub radius: Option<i64>,
}

/// A shape. It has the part that its `shape` names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MapShape)]
pub struct Area {
    /// What it is filled with, as CSS has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// Its outline's, as CSS has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub border_color: Option<String>,
    /// Clockwise around `position`, in degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<f64>,
    /// In the section's coordinates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Point>,
    /// An identifier within the world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
    /// Of a polygon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub polygon: Option<Polygon>,
    /// Of a rectangle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rectangle: Option<Rectangle>,
    /// Of an ellipse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ellipse: Option<Ellipse>,
    /// Of a circle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circle: Option<Circle>,
    /// Words on it, or alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
}

/// The kinds of shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MapShapeKind)]
pub enum Shape {
    /// With corners.
    Polygon,
    /// With four of them.
    Rectangle,
    /// Long and round.
    Ellipse,
    /// Round.
    Circle,
    /// Words.
    Text,
}

/// A shape with corners.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MapPolygon)]
pub struct Polygon {
    /// The corners.
    pub points: Vec<Point>,
}

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MapRectangle)]
pub struct Rectangle {
    /// To the right.
    pub width: i64,
    /// Down.
    pub height: i64,
}

/// An ellipse.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MapEllipse)]
pub struct Ellipse {
    /// To the right and down.
    pub radius: Point,
}

/// A circle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MapCircle)]
pub struct Circle {
    /// All around.
    pub radius: i64,
}

/// Words in the drawing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MapText)]
pub struct Text {
    /// Where, in its area's coordinates.
    pub position: Point,
    /// Which.
    pub text: String,
    /// Their colour, as CSS has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// How large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<i64>,
}
