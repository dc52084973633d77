//! A ticket's code as a QR picture.

use std::fmt::Write as _;

use qrcode::types::QrError;
use qrcode::{Color, EcLevel, QrCode};

/// White modules around the code that scanners need.
const QUIET: usize = 4;

/// The picture as SVG: one path with a stroke per run of dark modules, a fraction of a rectangle per module.
pub fn svg(code: &str) -> Result<String, QrError> {
    let qr = QrCode::with_error_correction_level(code, EcLevel::M)?;
    let (width, modules) = (qr.width(), qr.to_colors());
    let side = width + 2 * QUIET;
    let mut path = String::with_capacity(8 * 1024);
    for (y, row) in modules.chunks(width).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run[0] == Color::Dark {
                // Writing to a string cannot fail.
                let _ = write!(path, "M{} {}.5h{}", x + QUIET, y + QUIET, run.len());
            }
            x += run.len();
        }
    }
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path stroke=\"#000\" d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_ticket_code_fits_and_stays_small() {
        let svg = super::svg(&"aZ9-_xyz".repeat(17)).unwrap();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>") && svg.len() < 16_000, "{}", svg.len());
    }
}
