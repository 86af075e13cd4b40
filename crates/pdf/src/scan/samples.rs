//! One directory of a TIFF as pixels: strips or tiles are unpacked one by one into rows, samples of any width become
//! bits or bytes.

use hayro_ccitt::{DecodeSettings, DecoderContext, EncodingMode};

use super::bits::{Lines, bits_into, undo_differences};
use super::container::{Container, Directory, tag};
use super::raster::{Raster, Samples, product};
use crate::ascii;
use crate::error::{Error, ErrorKind};
use crate::inflate;

/// Pixels of one page: A0 at 300 dots per inch has 139 million, A3 at 600 has 70.
pub(super) const MAX_PIXELS: u64 = 100_000_000;

/// Bytes that one page unpacks to.
pub(super) const MAX_BYTES: u64 = 320 << 20;

/// Strips or tiles of one page.
const MAX_CHUNKS: usize = 1 << 18;

/// Bytes of JPEG tables; real ones have 600.
const MAX_TABLES: usize = 1 << 16;

/// How the data of a page are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Plain,
    Fax,
    FaxGroup3,
    FaxGroup4,
    Lzw,
    Jpeg,
    Deflate,
    PackBits,
}

/// What samples mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    WhiteIsZero,
    BlackIsZero,
    Rgb,
    Palette,
    Cmyk,
    /// Only in JPEGs, whose decoder undoes it.
    Ycc,
}

/// What is done with a fourth sample beside colours, or a second one beside grey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alpha {
    None,
    /// Colours were multiplied by it.
    Associated,
    Unassociated,
}

/// The layout of a page.
pub(super) struct Layout {
    pub(super) width: usize,
    pub(super) height: usize,
    packing: Packing,
    meaning: Meaning,
    bits: usize,
    samples: usize,
    alpha: Alpha,
    /// Each sample has strips or tiles of its own.
    planar: bool,
    predicted: bool,
    /// Bits of a byte stand in the opposite order.
    reversed: bool,
    fax_options: u32,
    chunk_width: usize,
    chunk_height: usize,
}

const fn corrupt(detail: &'static str) -> Error {
    Error::new(ErrorKind::Corrupt, detail)
}

const fn unsupported(detail: &'static str) -> Error {
    Error::new(ErrorKind::UnsupportedFormat, detail)
}

impl Layout {
    /// What a directory says, judged against every limit.
    pub(super) fn of(directory: &Directory<'_>) -> Result<Self, Error> {
        let number = |tag: u16, default: u32| directory.first(tag).unwrap_or(default);
        let (width, height) = (number(tag::WIDTH, 0), number(tag::HEIGHT, 0));
        if width == 0 || height == 0 {
            return Err(corrupt("a page without a size"));
        }
        let pixels = u64::from(width) * u64::from(height);
        let packing = match number(tag::COMPRESSION, 1) {
            1 => Packing::Plain,
            2 => Packing::Fax,
            3 => Packing::FaxGroup3,
            4 => Packing::FaxGroup4,
            5 => Packing::Lzw,
            7 => Packing::Jpeg,
            8 | 32_946 => Packing::Deflate,
            32_773 => Packing::PackBits,
            _ => return Err(unsupported("a TIFF with a rare compression")),
        };
        let is_fax = matches!(packing, Packing::Fax | Packing::FaxGroup3 | Packing::FaxGroup4);
        let meaning = match directory.first(tag::PHOTOMETRIC) {
            Some(0) => Meaning::WhiteIsZero,
            Some(1) => Meaning::BlackIsZero,
            Some(2) => Meaning::Rgb,
            Some(3) => Meaning::Palette,
            Some(5) => Meaning::Cmyk,
            Some(6) if packing == Packing::Jpeg => Meaning::Ycc,
            // Faxes often do not say.
            None if is_fax => Meaning::WhiteIsZero,
            _ => return Err(unsupported("a TIFF with rare colours")),
        };
        let samples = number(tag::SAMPLES, 1) as usize;
        let all_bits = directory.all(tag::BITS, 16);
        let bits = all_bits.first().copied().unwrap_or(1) as usize;
        let formats = directory.all(tag::SAMPLE_FORMAT, 16);
        let colours = match meaning {
            Meaning::WhiteIsZero | Meaning::BlackIsZero | Meaning::Palette => 1,
            Meaning::Rgb | Meaning::Ycc => 3,
            Meaning::Cmyk => 4,
        };
        let plain = all_bits.iter().all(|b| *b as usize == bits) && formats.iter().all(|format| *format == 1);
        let known = match meaning {
            Meaning::WhiteIsZero | Meaning::BlackIsZero | Meaning::Palette => matches!(bits, 1 | 2 | 4 | 8 | 16),
            Meaning::Rgb | Meaning::Cmyk => matches!(bits, 8 | 16),
            Meaning::Ycc => bits == 8,
        };
        let jpeg = packing != Packing::Jpeg || (bits == 8 && matches!(samples, 1 | 3) && samples == colours);
        let fax = !is_fax || (bits == 1 && samples == 1);
        if !(plain && known && jpeg && fax)
            || samples < colours
            || samples > 8
            || (meaning == Meaning::Palette && bits > 8)
        {
            return Err(unsupported("a TIFF with rare samples"));
        }
        if pixels > MAX_PIXELS || pixels * (samples * bits).div_ceil(8) as u64 > MAX_BYTES {
            return Err(Error::new(ErrorKind::Limit, "a page has more pixels than may be decoded"));
        }
        let alpha = match directory.first(tag::EXTRA_SAMPLES).filter(|_| samples > colours) {
            Some(1) => Alpha::Associated,
            Some(2) => Alpha::Unassociated,
            _ => Alpha::None,
        };
        let predicted = match number(tag::PREDICTOR, 1) {
            1 => false,
            2 if matches!(packing, Packing::Lzw | Packing::Deflate) && bits >= 8 => true,
            2 if !matches!(packing, Packing::Lzw | Packing::Deflate) => false,
            _ => return Err(unsupported("a TIFF with a rare predictor")),
        };
        let tiled = directory.contains(tag::TILE_OFFSETS);
        let (chunk_width, chunk_height) = if tiled {
            (number(tag::TILE_WIDTH, 0), number(tag::TILE_HEIGHT, 0))
        } else {
            (width, number(tag::ROWS_PER_STRIP, height).min(height))
        };
        if chunk_width == 0 || chunk_height == 0 {
            return Err(corrupt("a page whose strips have no size"));
        }
        if u64::from(chunk_width) * u64::from(chunk_height) > pixels.max(1 << 22) {
            return Err(Error::new(ErrorKind::Limit, "a page has tiles larger than itself"));
        }
        Ok(Self {
            width: width as usize,
            height: height as usize,
            packing,
            meaning,
            bits,
            samples,
            alpha,
            planar: number(tag::PLANES, 1) == 2 && samples > 1,
            predicted,
            reversed: number(tag::FILL_ORDER, 1) == 2,
            fax_options: number(tag::FAX_OPTIONS, 0),
            chunk_width: chunk_width as usize,
            chunk_height: chunk_height as usize,
        })
    }

    /// Bytes of memory that reading the page takes: what it unpacks to, and what that is made into.
    pub(super) fn memory(&self) -> u64 {
        let pixels = self.width as u64 * self.height as u64;
        pixels * (self.samples * self.bits).div_ceil(8) as u64 + pixels * 4
    }

    /// What the pixels of the page become.
    const fn output(&self) -> Samples {
        match self.meaning {
            Meaning::WhiteIsZero | Meaning::BlackIsZero if self.bits == 1 && self.samples == 1 => Samples::Bilevel,
            Meaning::WhiteIsZero | Meaning::BlackIsZero => Samples::Grey,
            Meaning::Palette | Meaning::Rgb | Meaning::Ycc => Samples::Colour,
            Meaning::Cmyk => Samples::Inks,
        }
    }

    /// Samples of a pixel within one strip or tile.
    const fn together(&self) -> usize {
        if self.planar { 1 } else { self.samples }
    }

    /// Bytes of a row of a strip or tile.
    const fn chunk_row(&self) -> usize {
        (self.chunk_width * self.together() * self.bits).div_ceil(8)
    }

    /// The page's pixels.
    pub(super) fn decode(&self, container: &Container, directory: &Directory<'_>) -> Result<Raster, Error> {
        let (across, down) = (self.width.div_ceil(self.chunk_width), self.height.div_ceil(self.chunk_height));
        let planes = if self.planar { self.samples } else { 1 };
        let chunks = across.saturating_mul(down).saturating_mul(planes);
        if chunks > MAX_CHUNKS {
            return Err(Error::new(ErrorKind::Limit, "a page has too many strips"));
        }
        let (offsets, lengths) = if directory.contains(tag::TILE_OFFSETS) {
            (directory.all(tag::TILE_OFFSETS, MAX_CHUNKS), directory.all(tag::TILE_LENGTHS, MAX_CHUNKS))
        } else {
            (directory.all(tag::STRIP_OFFSETS, MAX_CHUNKS), directory.all(tag::STRIP_LENGTHS, MAX_CHUNKS))
        };
        if offsets.len() < chunks {
            return Err(corrupt("a page without its strips"));
        }
        let tables = directory.bytes(tag::JPEG_TABLES).filter(|tables| tables.len() <= MAX_TABLES);
        let palette = if self.meaning == Meaning::Palette { Some(self.palette(directory)?) } else { None };
        let output = self.output();
        let row = output.row(self.width);
        let mut data = vec![0; row * self.height];
        let mut planes_of_chunk = Vec::with_capacity(planes);
        for chunk in 0..across * down {
            planes_of_chunk.clear();
            for plane in 0..planes {
                let index = plane * across * down + chunk;
                let length = lengths.get(index).map(|length| *length as usize);
                let packed = packed(container, offsets[index] as usize, length, chunks == 1)?;
                // The last strip may have fewer rows than the others; tiles have all of theirs.
                let rows = self.chunk_height.min(self.height - chunk / across * self.chunk_height);
                let tiles = self.chunk_width < self.width || across > 1;
                let full = if tiles { self.chunk_height } else { rows };
                planes_of_chunk.push(self.unpack(packed, tables.as_deref(), full, container.is_big_endian())?);
            }
            let (left, top) = (chunk % across * self.chunk_width, chunk / across * self.chunk_height);
            let width = self.chunk_width.min(self.width - left);
            for y in 0..self.chunk_height.min(self.height - top) {
                let to = &mut data[(top + y) * row..(top + y + 1) * row];
                self.row(&planes_of_chunk, y, left, width, palette.as_deref(), container.is_big_endian(), to);
            }
        }
        Ok(Raster { width: self.width, height: self.height, samples: output, data })
    }

    /// Colours by number, three bytes each.
    fn palette(&self, directory: &Directory<'_>) -> Result<Vec<[u8; 3]>, Error> {
        let colours = 1usize << self.bits;
        let map = directory.all(tag::PALETTE, 3 << 8);
        if map.len() < 3 * colours {
            return Err(corrupt("a page without its palette"));
        }
        // Some writers fill the lower byte only.
        let shift = if map.iter().all(|value| *value < 256) { 0 } else { 8 };
        let level = |value: u32| (value >> shift).min(255) as u8;
        Ok((0..colours).map(|n| [level(map[n]), level(map[colours + n]), level(map[2 * colours + n])]).collect())
    }

    /// The rows of one strip or tile, `rows` of them.
    fn unpack(&self, packed: &[u8], tables: Option<&[u8]>, rows: usize, big_endian: bool) -> Result<Vec<u8>, Error> {
        const BROKEN: Error = corrupt("the data of a page make no sense");
        let wanted = self.chunk_row() * rows;
        let limit = wanted as u64 + self.chunk_row() as u64 + 4096;
        let flipped;
        let packed = if self.reversed
            && matches!(self.packing, Packing::Plain | Packing::Fax | Packing::FaxGroup3 | Packing::FaxGroup4)
        {
            flipped = packed.iter().map(|b| b.reverse_bits()).collect::<Vec<u8>>();
            &flipped[..]
        } else {
            packed
        };
        let mut data = match self.packing {
            Packing::Plain => packed[..packed.len().min(wanted)].to_vec(),
            Packing::PackBits => ascii::runs(packed, limit).ok_or(BROKEN)?,
            Packing::Lzw => inflate::unpacked_early(packed, limit).map_err(|_| BROKEN)?,
            Packing::Deflate => inflate::inflated(packed, limit).map_err(|_| BROKEN)?,
            Packing::Jpeg => self.jpeg(packed, tables, rows)?,
            Packing::Fax | Packing::FaxGroup3 | Packing::FaxGroup4 => self.fax(packed, rows)?,
        };
        if data.len() < wanted {
            return Err(Error::new(ErrorKind::Truncated, "the data of a page end before its last row"));
        }
        if self.predicted {
            for row in data.chunks_exact_mut(self.chunk_row()) {
                undo_differences(row, self.together(), self.bits, big_endian);
            }
        }
        Ok(data)
    }

    fn fax(&self, packed: &[u8], rows: usize) -> Result<Vec<u8>, Error> {
        let size = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let settings = DecodeSettings {
            columns: size(self.chunk_width),
            rows: size(rows),
            end_of_block: true,
            end_of_line: false,
            rows_are_byte_aligned: self.packing == Packing::Fax,
            encoding: match self.packing {
                Packing::FaxGroup4 => EncodingMode::Group4,
                Packing::FaxGroup3 if self.fax_options & 1 == 1 => EncodingMode::Group3_2D,
                _ => EncodingMode::Group3_1D,
            },
            strict: false,
        };
        let mut lines = Lines { data: Vec::new(), row: self.chunk_row(), left: rows };
        hayro_ccitt::decode(packed, &mut lines, &mut DecoderContext::new(settings))
            .map_err(|_| corrupt("the lines of a fax make no sense"))?;
        Ok(lines.data)
    }

    /// A strip or tile that is a JPEG, which may have its tables elsewhere.
    fn jpeg(&self, packed: &[u8], tables: Option<&[u8]>, rows: usize) -> Result<Vec<u8>, Error> {
        const BROKEN: Error = corrupt("a JPEG within a page makes no sense");
        let body = packed.strip_prefix(b"\xff\xd8").ok_or(BROKEN)?;
        let mut whole = b"\xff\xd8".to_vec();
        // Planes of their own are pictures in grey.
        let is_colour = self.together() == 3;
        if is_colour {
            // Adobe's marker is the only one that says what the colours are.
            whole.extend_from_slice(b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0");
            whole.push(u8::from(self.meaning == Meaning::Ycc));
        }
        if let Some(tables) = tables.and_then(|tables| tables.strip_prefix(b"\xff\xd8")) {
            whole.extend_from_slice(tables.strip_suffix(b"\xff\xd9").unwrap_or(tables));
        }
        whole.extend_from_slice(body);
        let header = turbojpeg::read_header(&whole).map_err(|_| BROKEN)?;
        if header.width != self.chunk_width || header.height < rows || header.height > self.chunk_height.max(rows) {
            return Err(corrupt("a JPEG within a page is of another size"));
        }
        let (format, step) =
            if is_colour { (turbojpeg::PixelFormat::RGB, 3) } else { (turbojpeg::PixelFormat::GRAY, 1) };
        let mut image = turbojpeg::Image {
            pixels: vec![0; header.width * header.height * step],
            width: header.width,
            pitch: header.width * step,
            height: header.height,
            format,
        };
        let mut decompressor = turbojpeg::Decompressor::new().map_err(|_| BROKEN)?;
        decompressor.decompress(&whole, image.as_deref_mut()).map_err(|_| BROKEN)?;
        Ok(image.pixels)
    }

    /// One row of a strip or tile, or as many pixels of it as the page has, as output.
    #[expect(clippy::too_many_arguments, reason = "where from, where to, and how")]
    fn row(
        &self,
        planes: &[Vec<u8>],
        y: usize,
        left: usize,
        width: usize,
        palette: Option<&[[u8; 3]]>,
        big_endian: bool,
        to: &mut [u8],
    ) {
        let rows = |plane: usize| &planes[plane][y * self.chunk_row()..][..self.chunk_row()];
        let inverted = self.meaning == Meaning::WhiteIsZero;
        if self.output() == Samples::Bilevel {
            return bits_into(to, left, rows(0), width, if inverted { 0xFF } else { 0 });
        }
        // The sample of this number of a pixel, as a byte.
        let sample = |x: usize, n: usize| {
            let (row, at) = if self.planar { (rows(n), x) } else { (rows(0), x * self.samples + n) };
            match self.bits {
                8 => row[at],
                16 => row[2 * at + usize::from(!big_endian)],
                bits => {
                    let value = row[at * bits / 8] >> (8 - bits - at * bits % 8) & ((1 << bits) - 1);
                    if self.meaning == Meaning::Palette { value } else { value * (255 / ((1 << bits) - 1) as u8) }
                }
            }
        };
        let over_white = |value: u8, alpha: u8| match self.alpha {
            Alpha::None => value,
            Alpha::Associated => value.saturating_add(255 - alpha),
            Alpha::Unassociated => product(value, alpha) + (255 - alpha),
        };
        for x in 0..width {
            match self.meaning {
                Meaning::WhiteIsZero | Meaning::BlackIsZero => {
                    let value = sample(x, 0) ^ if inverted { 0xFF } else { 0 };
                    let alpha = if self.alpha == Alpha::None { 255 } else { sample(x, 1) };
                    to[left + x] = over_white(value, alpha);
                }
                Meaning::Palette => {
                    let colour = palette.and_then(|palette| palette.get(usize::from(sample(x, 0)))).unwrap_or(&[0; 3]);
                    to[3 * (left + x)..][..3].copy_from_slice(colour);
                }
                Meaning::Rgb | Meaning::Ycc => {
                    let alpha = if self.alpha == Alpha::None { 255 } else { sample(x, 3) };
                    for n in 0..3 {
                        to[3 * (left + x) + n] = over_white(sample(x, n), alpha);
                    }
                }
                Meaning::Cmyk => {
                    for n in 0..4 {
                        to[4 * (left + x) + n] = sample(x, n);
                    }
                }
            }
        }
    }
}

/// The bytes of a strip or tile. One that is the whole page may leave out its length.
fn packed(container: &Container, offset: usize, length: Option<usize>, is_only: bool) -> Result<&[u8], Error> {
    const TORN: Error = Error::new(ErrorKind::Truncated, "the data of a page lie behind the end of the file");
    let rest = container.bytes.get(offset..).filter(|rest| !rest.is_empty()).ok_or(TORN)?;
    match length {
        Some(length @ 1..) => rest.get(..length).ok_or(TORN),
        _ if is_only => Ok(rest),
        _ => Err(corrupt("a strip without a length")),
    }
}
