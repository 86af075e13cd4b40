//! From an item to the coded pictures that make it up: one, or the tiles of a grid.

use std::borrow::Cow;

use super::boxes::{FourCc, Reader};
use super::geometry::Geometry;
use super::hvcc::Config;
use super::meta::{Item, Meta, Property};
use super::sps::Sps;
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;

/// How many derivations (`iden` of `iden` …) lie between an item and a coded picture at most.
const MAX_DEPTH: usize = 8;

/// Different decoder configurations among the tiles of one grid. Real grids have one, or one per
/// edge.
const MAX_CONFIGS: usize = 16;

/// A picture as stored, before any crop or turn.
pub(super) struct Picture<'a> {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Tiles in rows of `columns`, from the top left; a single picture is a grid of one.
    pub(super) tiles: Vec<Tile<'a>>,
    pub(super) columns: u32,
    /// Size of every tile as shown; those at the right and bottom edge may reach beyond the
    /// picture.
    pub(super) tile_width: u32,
    pub(super) tile_height: u32,
    configs: Vec<Config<'a>>,
    /// The items passed on the way down, outermost first, each with its properties in order.
    pub(super) chain: Vec<(u32, Vec<Property<'a>>)>,
    /// Properties of the coded picture, or of the first tile.
    pub(super) coded_properties: Vec<Property<'a>>,
}

/// One coded picture.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a> {
    config: usize,
    source: Source<'a>,
}

#[derive(Clone, Copy)]
enum Source<'a> {
    Item(u32),
    Sample(&'a [u8]),
}

impl<'a> Picture<'a> {
    /// Follows derivations from `item` down to coded pictures. Sizes are judged on the way; no
    /// picture data is read.
    pub(super) fn resolve(meta: &Meta<'a>, item: Item, limits: &Limits) -> Result<Self, Error> {
        let mut item = item;
        let mut chain = Vec::new();
        for _ in 0..MAX_DEPTH {
            if !matches!(&item.kind, b"hvc1" | b"hev1" | b"grid" | b"iden" | b"tmap") {
                return Err(refuse(&item.kind));
            }
            let properties = meta.properties(item.id)?;
            check_essential(&properties)?;
            match &item.kind {
                b"hvc1" | b"hev1" => return Self::single(item, properties, chain, limits),
                b"grid" => return Self::grid(meta, item, properties, chain, limits),
                // `iden`, or a tone map, whose first input is the picture that it brightens.
                _ => {
                    let inputs = meta.references(b"dimg", item.id, 8)?;
                    let &first =
                        inputs.first().ok_or_else(|| Error::corrupt("a derived HEIF picture without a source"))?;
                    chain.push((item.id, properties));
                    item = meta.item(first)?;
                }
            }
        }
        Err(Error::corrupt("HEIF pictures derived from each other without end"))
    }

    /// A picture that lies in a video track instead of an item.
    pub(super) fn sample(config: Config<'a>, data: &'a [u8], properties: Vec<Property<'a>>) -> Self {
        let (width, height) = (config.sps.width, config.sps.height);
        Self {
            width,
            height,
            tiles: vec![Tile { config: 0, source: Source::Sample(data) }],
            columns: 1,
            tile_width: width,
            tile_height: height,
            configs: vec![config],
            chain: vec![(0, properties.clone())],
            coded_properties: properties,
        }
    }

    /// Crops and turns of all items on the way, the innermost item's first. What a tile carries
    /// for itself does not count.
    pub(super) fn geometry(&self) -> Result<Geometry, Error> {
        let mut geometry = Geometry::of(self.width, self.height);
        for property in self.chain.iter().rev().flat_map(|(_, properties)| properties) {
            geometry.apply(property)?;
        }
        Ok(geometry)
    }

    /// The sequence parameter set of the first tile; all tiles have the same kind of samples.
    pub(super) fn sps(&self) -> &Sps {
        &self.configs[0].sps
    }

    pub(super) fn config(&self, tile: &Tile<'a>) -> &Config<'a> {
        &self.configs[tile.config]
    }

    /// The coded bytes of one tile.
    pub(super) fn data(&self, meta: Option<&Meta<'a>>, tile: &Tile<'a>) -> Result<Cow<'a, [u8]>, Error> {
        match (tile.source, meta) {
            (Source::Sample(bytes), _) => Ok(Cow::Borrowed(bytes)),
            (Source::Item(id), Some(meta)) => meta.data(id),
            (Source::Item(_), None) => Err(Error::internal("an item without its tables")),
        }
    }

    fn single(
        item: Item,
        properties: Vec<Property<'a>>,
        mut chain: Vec<(u32, Vec<Property<'a>>)>,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let config = Config::read(property(&properties, b"hvcC")?, limits)?;
        // Where the two disagree, the smaller is what both can show.
        let (mut width, mut height) = (config.sps.width, config.sps.height);
        if let Some((w, h)) = extents(&properties)? {
            limits.dimensions(w, h)?;
            (width, height) = (width.min(w), height.min(h));
        }
        chain.push((item.id, properties.clone()));
        Ok(Self {
            width,
            height,
            tiles: vec![Tile { config: 0, source: Source::Item(item.id) }],
            columns: 1,
            tile_width: width,
            tile_height: height,
            configs: vec![config],
            chain,
            coded_properties: properties,
        })
    }

    fn grid(
        meta: &Meta<'a>,
        item: Item,
        properties: Vec<Property<'a>>,
        mut chain: Vec<(u32, Vec<Property<'a>>)>,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let data = meta.data(item.id)?;
        let mut r = Reader::new(&data);
        if r.u8()? != 0 {
            return Err(Error::unsupported_feature("a HEIF grid of an unknown version"));
        }
        let wide = r.u8()? & 1 == 1;
        let (rows, columns) = (u32::from(r.u8()?) + 1, u32::from(r.u8()?) + 1);
        let (width, height) = (r.id(wide)?, r.id(wide)?);
        limits.dimensions(width, height)?;
        let count = (rows * columns) as usize;
        let ids = meta.references(b"dimg", item.id, count)?;
        if ids.len() != count {
            return Err(Error::corrupt("a HEIF grid with missing tiles"));
        }

        let mut configs: Vec<Config<'a>> = Vec::new();
        let mut tiles = Vec::with_capacity(count);
        let mut size = None;
        let mut coded_properties = Vec::new();
        for id in ids {
            let tile = meta.item(id)?;
            if !matches!(&tile.kind, b"hvc1" | b"hev1") {
                return Err(refuse(&tile.kind));
            }
            let properties = meta.properties(id)?;
            check_essential(&properties)?;
            let raw = property(&properties, b"hvcC")?;
            let config = match configs.iter().position(|c| std::ptr::eq(c.raw, raw) || c.raw == raw) {
                Some(known) => known,
                None => {
                    let config = Config::read(raw, limits)?;
                    judge_tile(configs.first(), &config)?;
                    if configs.len() == MAX_CONFIGS {
                        return Err(Error::unsupported_feature("a HEIF grid of too many kinds of tiles"));
                    }
                    configs.push(config);
                    configs.len() - 1
                }
            };
            if size.is_none() {
                let sps = &configs[config].sps;
                let (w, h) = extents(&properties)?.unwrap_or((sps.width, sps.height));
                size = Some((w.min(sps.width), h.min(sps.height)));
                coded_properties = properties;
            }
            tiles.push(Tile { config, source: Source::Item(id) });
        }
        let (tile_width, tile_height) = size.ok_or_else(|| Error::corrupt("a HEIF grid without tiles"))?;
        judge_grid((width, height), (columns, rows), (tile_width, tile_height))?;
        if configs.iter().any(|c| c.sps.width < tile_width || c.sps.height < tile_height) {
            return Err(Error::corrupt("a HEIF grid of tiles of different sizes"));
        }
        chain.push((item.id, properties));
        Ok(Self { width, height, tiles, columns, tile_width, tile_height, configs, chain, coded_properties })
    }
}

/// Tiles must cover the picture, and none may lie outside of it: this bounds the work by the
/// picture's size.
fn judge_grid(picture: (u32, u32), count: (u32, u32), tile: (u32, u32)) -> Result<(), Error> {
    for (length, count, tile) in [(picture.0, count.0, tile.0), (picture.1, count.1, tile.1)] {
        let (length, count, tile) = (u64::from(length), u64::from(count), u64::from(tile));
        if count * tile < length {
            return Err(Error::corrupt("the tiles of a HEIF grid do not cover its picture"));
        }
        if (count - 1) * tile >= length {
            return Err(Error::corrupt("a HEIF grid has tiles outside of its picture"));
        }
    }
    Ok(())
}

fn judge_tile(first: Option<&Config<'_>>, config: &Config<'_>) -> Result<(), Error> {
    let Some(first) = first else { return Ok(()) };
    let kind = |c: &Config<'_>| (c.sps.chroma_format, c.sps.depth, c.sps.chroma_depth);
    if kind(first) != kind(config) {
        return Err(Error::unsupported_feature("a HEIF grid of tiles with different samples"));
    }
    Ok(())
}

/// The first property of a kind.
pub(super) fn find_property<'a>(properties: &[Property<'a>], kind: &FourCc) -> Option<&'a [u8]> {
    properties.iter().find(|p| p.kind == *kind).map(|p| p.body)
}

fn property<'a>(properties: &[Property<'a>], kind: &FourCc) -> Result<&'a [u8], Error> {
    find_property(properties, kind).ok_or_else(|| Error::corrupt("a HEIF picture without its decoder's configuration"))
}

/// Width and height of `ispe`.
fn extents(properties: &[Property<'_>]) -> Result<Option<(u32, u32)>, Error> {
    let Some(body) = find_property(properties, b"ispe") else { return Ok(None) };
    let mut r = Reader::new(body);
    r.full()?;
    Ok(Some((r.u32()?, r.u32()?)))
}

/// A property marked essential that is not understood here forbids showing the item.
fn check_essential(properties: &[Property<'_>]) -> Result<(), Error> {
    const KNOWN: [&FourCc; 16] = [
        b"hvcC", b"ispe", b"colr", b"pixi", b"pasp", b"irot", b"imir", b"clap", b"auxC", b"rloc", b"clli", b"mdcv",
        b"cclv", b"amve", b"udes", b"altt",
    ];
    match properties.iter().find(|p| p.essential && !KNOWN.contains(&&p.kind)) {
        None => Ok(()),
        Some(p) => Err(Error::unsupported_feature(format!("HEIF with the essential property {:?}", name(&p.kind)))),
    }
}

fn refuse(kind: &FourCc) -> Error {
    match kind {
        b"av01" => Error::new(ErrorKind::UnsupportedFormat, "an AVIF picture in a HEIF file"),
        other => Error::unsupported_feature(format!("a HEIF picture of the type {:?}", name(other))),
    }
}

fn name(kind: &FourCc) -> String {
    kind.iter().map(|&b| if b.is_ascii_graphic() || b == b' ' { char::from(b) } else { '?' }).collect()
}
