//! Writes HEIF files box by box around one small coded picture.

/// A 64×64 picture of four flat quarters, encoded for this test: red and blue above, yellow and
/// green below. Its configuration record …
pub(in crate::heif) const HVCC: &str = "0103700000009000000000001ef000fcfdf8f800000f03600001001840010c01ffff\
    0370000003009000000300000300\
    1eba0240610001002b42010103700000030090000003000003001ea020810596ea4929ae6e021a0c0800000300c8\
    00000300084062000100074401c172b02240";

/// … the same without the VUI, so that nothing is said about colour …
pub(super) const HVCC_WITHOUT_VUI: &str = "0103700000009000000000001ef000fcfdf8f800000f03600001001840010c01\
    ffff03700000030090000003000003001eba0240610001001c42010103700000030090000003000003001ea020810596ea4929ac8062000100\
    074401c172b02240";

/// … and its one slice, with a length of four bytes in front.
pub(in crate::heif) const SLICE: &str = "000000382801af1380e533c09fffde0a3ffe4873c3ef8bd2abffdc9d747f383e3ffc8fc8\
    74913f5fd1a7fc3b72ffa14ee7d63e0bf67f0eb77f32b960";

pub(in crate::heif) fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect()
}

/// A property: name, body.
pub(crate) type Prop = (&'static [u8; 4], Vec<u8>);

pub(crate) struct Item {
    pub(super) id: u16,
    pub(super) kind: &'static [u8; 4],
    pub(super) data: Vec<u8>,
    /// Numbers of properties from 1, essential ones with 0x80 added.
    pub(super) props: Vec<u8>,
    pub(super) in_idat: bool,
    /// Into how many pieces the data is cut.
    pub(super) pieces: usize,
}

#[derive(Default)]
pub(crate) struct File {
    pub(super) items: Vec<Item>,
    pub(super) props: Vec<Prop>,
    pub(super) refs: Vec<(&'static [u8; 4], u16, Vec<u16>)>,
    pub(super) primary: u16,
}

impl File {
    /// One coded picture with these properties after its configuration and size.
    pub(crate) fn single(props: &[Prop]) -> Self {
        let mut file = Self { primary: 1, ..Self::default() };
        file.props = vec![(b"hvcC", bytes(HVCC)), ispe(64, 64)];
        file.props.extend_from_slice(props);
        let all = (1..=file.props.len() as u8).map(|n| n | 0x80).collect();
        file.items.push(Item::coded(1, all));
        file
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        // Offsets do not change the length of the tables, so the second pass has the right ones.
        let draft = self.tables(0);
        let ftyp = boxed(b"ftyp", b"heic\0\0\0\0mif1heic");
        let start = ftyp.len() + draft.len() + 8;
        let media: Vec<u8> = self.items.iter().filter(|i| !i.in_idat).flat_map(|i| i.data.clone()).collect();
        [ftyp, self.tables(start as u32), boxed(b"mdat", &media)].concat()
    }

    fn tables(&self, media_start: u32) -> Vec<u8> {
        let mut infos = (self.items.len() as u16).to_be_bytes().to_vec();
        let mut locations = vec![0x44, 0x00];
        locations.extend((self.items.len() as u16).to_be_bytes());
        let (mut media, mut idat) = (media_start, Vec::new());
        let mut associations = (self.items.len() as u32).to_be_bytes().to_vec();
        for item in &self.items {
            let info = [&item.id.to_be_bytes()[..], &[0, 0], item.kind, b"\0"].concat();
            infos.extend(full(b"infe", 2, &info));
            locations.extend(item.id.to_be_bytes());
            locations.extend([0, u8::from(item.in_idat), 0, 0]);
            locations.extend((item.pieces as u16).to_be_bytes());
            let mut offset = if item.in_idat { idat.len() as u32 } else { media };
            for piece in item.data.chunks(item.data.len().div_ceil(item.pieces)) {
                locations.extend(offset.to_be_bytes());
                locations.extend((piece.len() as u32).to_be_bytes());
                offset += piece.len() as u32;
            }
            if item.in_idat {
                idat.extend_from_slice(&item.data);
            } else {
                media = offset;
            }
            associations.extend(item.id.to_be_bytes());
            associations.push(item.props.len() as u8);
            associations.extend(&item.props);
        }
        let to_box = |(kind, from, to): &(&[u8; 4], u16, Vec<u16>)| {
            let mut body = from.to_be_bytes().to_vec();
            body.extend((to.len() as u16).to_be_bytes());
            body.extend(to.iter().flat_map(|id| id.to_be_bytes()));
            boxed(kind, &body)
        };
        let refs: Vec<u8> = self.refs.iter().flat_map(to_box).collect();
        let props: Vec<u8> = self.props.iter().flat_map(|(kind, body)| boxed(kind, body)).collect();
        let iprp = [boxed(b"ipco", &props), full(b"ipma", 0, &associations)].concat();
        let body = [
            full(b"hdlr", 0, b"\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0\0"),
            full(b"pitm", 0, &self.primary.to_be_bytes()),
            full(b"iinf", 0, &infos),
            full(b"iloc", 1, &locations),
            boxed(b"iprp", &iprp),
            full(b"iref", 0, &refs),
            boxed(b"idat", &idat),
        ];
        full(b"meta", 0, &body.concat())
    }
}

impl Item {
    pub(super) fn coded(id: u16, props: Vec<u8>) -> Self {
        Self { id, kind: b"hvc1", data: bytes(SLICE), props, in_idat: false, pieces: 1 }
    }

    pub(super) fn derived(id: u16, kind: &'static [u8; 4], data: Vec<u8>, props: Vec<u8>) -> Self {
        Self { id, kind, data, props, in_idat: true, pieces: 1 }
    }
}

pub(super) fn ispe(width: u32, height: u32) -> Prop {
    (b"ispe", [[0; 4], width.to_be_bytes(), height.to_be_bytes()].concat())
}

/// A clean aperture; offsets in halves of a sample.
pub(super) fn clap(width: i32, height: i32, x: i32, y: i32) -> Prop {
    (b"clap", [width, 1, height, 1, x, 2, y, 2].iter().flat_map(|n| n.to_be_bytes()).collect())
}

pub(super) fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
}

fn full(kind: &[u8; 4], version: u8, body: &[u8]) -> Vec<u8> {
    boxed(kind, &[&[version, 0, 0, 0][..], body].concat())
}
