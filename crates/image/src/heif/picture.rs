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
#[derive(Clone)]
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
    /// What contradicts itself without harm to the picture.
    pub(super) irregularities: Vec<String>,
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
    /// No coded picture: all samples are at their most.
    Opaque,
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
            let properties = understood(meta, item)?;
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
            irregularities: Vec::new(),
        }
    }

    /// The alpha of a grid whose tiles have theirs one by one: `alpha` has the item of each tile, `None` where a
    /// tile has none and is opaque. `None` where no tile has any.
    pub(super) fn tile_alpha(
        &self,
        meta: &Meta<'a>,
        alpha: &[Option<u32>],
        limits: &Limits,
    ) -> Result<Option<Self>, Error> {
        let mut configs = Configs::default();
        let mut tiles = Vec::with_capacity(alpha.len());
        for id in alpha {
            tiles.push(match id {
                None => Tile { config: 0, source: Source::Opaque },
                Some(id) => Tile { config: configs.of_tile(meta, *id, limits)?.0, source: Source::Item(*id) },
            });
        }
        let configs = configs.all;
        if configs.is_empty() {
            return Ok(None);
        }
        if configs.iter().any(|c| c.sps.width < self.tile_width || c.sps.height < self.tile_height) {
            return Err(Error::unsupported_feature("a HEIF grid whose tiles have alpha of another size"));
        }
        Ok(Some(Self {
            width: self.width,
            height: self.height,
            tiles,
            columns: self.columns,
            tile_width: self.tile_width,
            tile_height: self.tile_height,
            configs,
            chain: self.chain.clone(),
            coded_properties: Vec::new(),
            irregularities: Vec::new(),
        }))
    }

    /// The items of the tiles, in their order.
    pub(super) fn tile_items(&self) -> impl Iterator<Item = u32> {
        self.tiles.iter().filter_map(|tile| match tile.source {
            Source::Item(id) => Some(id),
            Source::Sample(_) | Source::Opaque => None,
        })
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

    /// The coded bytes of one tile; `None` for a tile that is opaque without any.
    pub(super) fn data(&self, meta: Option<&Meta<'a>>, tile: &Tile<'a>) -> Result<Option<Cow<'a, [u8]>>, Error> {
        match (tile.source, meta) {
            (Source::Opaque, _) => Ok(None),
            (Source::Sample(bytes), _) => Ok(Some(Cow::Borrowed(bytes))),
            (Source::Item(id), Some(meta)) => meta.data(id).map(Some),
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
        let mut irregularities = Vec::new();
        let coded = (config.sps.width, config.sps.height);
        let (width, height) = shown(extents(&properties)?, coded, &mut irregularities);
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
            irregularities,
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

        let mut configs = Configs::default();
        let mut tiles = Vec::with_capacity(count);
        let mut first = None;
        for id in ids {
            let (config, properties) = configs.of_tile(meta, id, limits)?;
            first.get_or_insert(properties);
            tiles.push(Tile { config, source: Source::Item(id) });
        }
        let configs = configs.all;
        let coded_properties = first.ok_or_else(|| Error::corrupt("a HEIF grid without tiles"))?;
        let coded = (configs[0].sps.width, configs[0].sps.height);
        let mut irregularities = Vec::new();
        let named = extents(&coded_properties)?;
        let (mut tile_width, mut tile_height) = shown(named, coded, &mut irregularities);
        let fits = |tile| judge_grid((width, height), (columns, rows), tile);
        if fits((tile_width, tile_height)).is_err()
            && let Some((w, h)) = named
        {
            (tile_width, tile_height) = (w.min(coded.0), h.min(coded.1));
        }
        fits((tile_width, tile_height))?;
        if configs.iter().any(|c| c.sps.width < tile_width || c.sps.height < tile_height) {
            return Err(Error::corrupt("a HEIF grid of tiles of different sizes"));
        }
        if configs.iter().any(|c| (c.sps.width, c.sps.height) != coded) {
            irregularities.push(String::from("tiles of different sizes, of which a part is not shown"));
        }
        if let Some((w, h)) = extents(&properties)?.filter(|size| *size != (width, height)) {
            irregularities.push(format!("the container says {w}×{h}, its grid {width}×{height}"));
        }
        chain.push((item.id, properties));
        Ok(Self {
            width,
            height,
            tiles,
            columns,
            tile_width,
            tile_height,
            configs,
            chain,
            coded_properties,
            irregularities,
        })
    }
}

/// The decoder configurations of tiles, each once.
#[derive(Default)]
struct Configs<'a> {
    all: Vec<Config<'a>>,
}

impl<'a> Configs<'a> {
    /// The number of a tile's configuration, and the tile's properties.
    fn of_tile(&mut self, meta: &Meta<'a>, id: u32, limits: &Limits) -> Result<(usize, Vec<Property<'a>>), Error> {
        let tile = meta.item(id)?;
        if !matches!(&tile.kind, b"hvc1" | b"hev1") {
            return Err(refuse(&tile.kind));
        }
        let properties = understood(meta, tile)?;
        let raw = property(&properties, b"hvcC")?;
        if let Some(known) = self.all.iter().position(|c| std::ptr::eq(c.raw, raw) || c.raw == raw) {
            return Ok((known, properties));
        }
        let config = Config::read(raw, limits)?;
        judge_tile(self.all.first(), &config)?;
        if self.all.len() == MAX_CONFIGS {
            return Err(Error::unsupported_feature("a HEIF grid of too many kinds of tiles"));
        }
        self.all.push(config);
        Ok((self.all.len() - 1, properties))
    }
}

/// Most samples by which a coded picture without a window of its own is larger than what is shown of it.
const MAX_PADDING: u32 = 15;

/// The size that is shown of a coded picture for which the container names another one. Some writers leave it to
/// the container to cut the last coding block; anything else is a mistake of the container's, and the picture is
/// what the coded one is. Neither goes without a word.
fn shown(named: Option<(u32, u32)>, coded: (u32, u32), irregularities: &mut Vec<String>) -> (u32, u32) {
    let Some((w, h)) = named.filter(|named| *named != coded) else { return coded };
    irregularities.push(format!("the container says {w}×{h}, the coded picture is {}×{}", coded.0, coded.1));
    let padding = |coded: u32, named: u32| coded.checked_sub(named).is_some_and(|n| n <= MAX_PADDING);
    if w > 0 && h > 0 && padding(coded.0, w) && padding(coded.1, h) { (w, h) } else { coded }
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

/// The properties of an item, none of which forbids showing it.
pub(super) fn understood<'a>(meta: &Meta<'a>, item: Item) -> Result<Vec<Property<'a>>, Error> {
    let properties = meta.properties(item.id)?;
    check_essential(&properties)?;
    Ok(properties)
}

/// Width and height of `ispe`.
pub(super) fn extents(properties: &[Property<'_>]) -> Result<Option<(u32, u32)>, Error> {
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
