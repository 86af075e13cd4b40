//! Containers made here, box by box, and what is read of them.

use super::maker::{File, HVCC, HVCC_WITHOUT_VUI, Item, Prop, bytes, clap, ispe};
use super::*;

fn decode(file: &File) -> Result<(Planes, u8), Error> {
    let bytes = file.write();
    let heif = Heif::read(&bytes, &LIMITS)?;
    Ok((heif.decode(&LIMITS, false)?, heif.orientation()))
}

/// Luma in the middle of a quarter, of a picture without further properties.
fn quarters() -> [u8; 4] {
    let (planes, _) = decode(&File::single(&[])).unwrap();
    [(16, 16), (48, 16), (16, 48), (48, 48)].map(|(x, y)| planes.y.row(y)[x])
}

#[test]
fn a_coded_picture() {
    let (planes, orientation) = decode(&File::single(&[])).unwrap();
    assert_eq!((planes.y.width, planes.y.height, orientation), (64, 64, 1));
    let luma = quarters();
    // BT.601 luma of red, blue, yellow and green as they were drawn.
    for (seen, drawn) in luma.into_iter().zip([106u8, 76, 223, 110]) {
        assert!(seen.abs_diff(drawn) <= 2, "{luma:?}");
    }
    assert_eq!(planes.subsampling, Subsampling::S420);
}

#[test]
fn turns_and_mirrors_apply_in_order() {
    let cases: [(&[Prop], u8); 7] = [
        (&[(b"irot", vec![1])], 8),
        (&[(b"irot", vec![3])], 6),
        (&[(b"imir", vec![1])], 2),
        (&[(b"imir", vec![0])], 4),
        (&[(b"irot", vec![1]), (b"imir", vec![1])], 7),
        (&[(b"imir", vec![1]), (b"irot", vec![1])], 5),
        (&[(b"irot", vec![2]), (b"irot", vec![2])], 1),
    ];
    for (props, orientation) in cases {
        assert_eq!(decode(&File::single(props)).unwrap().1, orientation, "{props:?}");
    }
}

#[test]
fn an_aperture_after_a_turn_is_taken_in_the_turned_picture() {
    // The right half after a quarter turn clockwise is the upper half as stored.
    let (planes, _) = decode(&File::single(&[(b"irot", vec![3]), clap(32, 64, 32, 0)])).unwrap();
    let q = quarters();
    assert_eq!((planes.y.width, planes.y.height), (64, 32));
    assert_eq!((planes.y.row(16)[16], planes.y.row(16)[48]), (q[0], q[1]));
}

#[test]
fn an_aperture_between_two_chroma_samples() {
    let (planes, _) = decode(&File::single(&[clap(31, 31, 1, 1)])).unwrap();
    assert_eq!((planes.y.width, planes.y.height), (31, 31));
    assert_eq!(planes.subsampling, Subsampling::S444);
    let (whole, _) = decode(&File::single(&[])).unwrap();
    let (cropped, whole) = (planes.chroma.unwrap(), whole.chroma.unwrap());
    // It begins at luma sample 17, which chroma sample 8 covers.
    assert_eq!(cropped[0].row(0)[0], whole[0].row(8)[8]);
    assert_eq!(cropped[1].row(30)[30], whole[1].row(23)[23]);
}

#[test]
fn picture_data_that_does_not_add_up() {
    let kind = |change: fn(&mut Vec<u8>)| {
        let mut file = File::single(&[]);
        change(&mut file.items[0].data);
        decode(&file).map(|_| ()).map_err(|e| e.kind())
    };
    assert_eq!(kind(|d| d.truncate(40)), Err(ErrorKind::Corrupt), "a unit longer than the data");
    assert_eq!(kind(|d| d.push(1)), Err(ErrorKind::Corrupt), "half a length behind the last unit");
    assert_eq!(kind(|d| d.extend([0, 0, 0])), Ok(()), "padding");
    assert_eq!(kind(|d| d[4] = 0x40), Err(ErrorKind::Corrupt), "no slice");
    assert_eq!(kind(|d| d[6] &= 0x7F), Err(ErrorKind::Corrupt), "not the first slice");
    assert_eq!(kind(|d| d.splice(..4, [0, 0, 0, 4]).for_each(drop)), Err(ErrorKind::Corrupt), "bytes between units");
    // A second picture in the same item: the first is asked for, no more.
    assert_eq!(kind(|d| d.extend_from_within(..)), Ok(()));
}

/// Four times the same picture, cut to 100×90.
fn grid() -> File {
    let mut file = File::single(&[ispe(100, 90)]);
    file.items = (1..=4).map(|id| Item::coded(id, vec![0x81, 2])).collect();
    file.items.push(Item::derived(5, b"grid", vec![0, 0, 1, 1, 0, 100, 0, 90], vec![3]));
    file.refs.push((b"dimg", 5, vec![1, 2, 3, 4]));
    file.primary = 5;
    file
}

#[test]
fn a_grid_of_tiles_in_pieces() {
    let mut file = grid();
    file.items[2].pieces = 3;
    file.items[3].in_idat = true;
    let (planes, _) = decode(&file).unwrap();
    assert_eq!((planes.y.width, planes.y.height), (100, 90));
    let q = quarters();
    assert_eq!((planes.y.row(16)[64 + 16], planes.y.row(64 + 16)[16]), (q[0], q[0]));
    assert_eq!(planes.y.row(48)[48], q[3]);
    let chroma = &planes.chroma.unwrap()[0];
    assert_eq!((chroma.width, chroma.height), (50, 45));
    assert_eq!(chroma.row(8)[8], chroma.row(32 + 8)[32 + 8]);
}

#[test]
fn grids_that_lie() {
    let kind = |change: fn(&mut File)| {
        let mut file = grid();
        change(&mut file);
        decode(&file).map(|_| ()).unwrap_err().kind()
    };
    assert_eq!(kind(|f| f.refs[0].2.truncate(3)), ErrorKind::Corrupt, "too few tiles");
    assert_eq!(kind(|f| f.refs[0].2.push(1)), ErrorKind::Corrupt, "too many tiles");
    assert_eq!(kind(|f| f.refs[0].2[1] = 9), ErrorKind::Corrupt, "no such item");
    assert_eq!(kind(|f| f.refs[0].2[1] = 5), ErrorKind::UnsupportedFeature, "a grid in itself");
    assert_eq!(kind(|f| f.items[4].data[5] = 200), ErrorKind::Corrupt, "not covered");
    assert_eq!(kind(|f| f.items[4].data[5] = 60), ErrorKind::Corrupt, "tiles outside");
    assert_eq!(kind(|f| f.items[4].data = vec![0, 0, 255, 255, 255, 255, 255, 255]), ErrorKind::TooLarge);
}

#[test]
fn derivations_end() {
    let mut file = File::single(&[(b"irot", vec![1])]);
    file.items.push(Item::derived(2, b"iden", vec![0], vec![3]));
    file.refs.push((b"dimg", 2, vec![1]));
    file.primary = 2;
    // The source's own quarter turn and that of the derivation.
    assert_eq!(decode(&file).unwrap().1, 3);
    file.refs[0].2[0] = 2;
    assert_eq!(decode(&file).unwrap_err().kind(), ErrorKind::Corrupt, "derived from itself");
}

#[test]
fn alpha_and_what_is_no_alpha() {
    let auxiliary = |kind: &[u8]| {
        let mut file = File::single(&[(b"auxC", [b"\0\0\0\0", kind, b"\0"].concat())]);
        file.items[0].props = vec![0x81, 2];
        file.items.push(Item::coded(2, vec![0x81, 2, 0x83]));
        file.refs.push((b"auxl", 2, vec![1]));
        file
    };
    let (planes, _) = decode(&auxiliary(ALPHA[0])).unwrap();
    assert_eq!(planes.alpha.unwrap().data, planes.y.data);
    let mut multiplied = auxiliary(ALPHA[1]);
    multiplied.refs.push((b"prem", 1, vec![2]));
    let (planes, _) = decode(&multiplied).unwrap();
    assert!(planes.y.data.iter().all(|&y| y == 255), "luma equals alpha, so undivided it was white");
    let bytes = auxiliary(GAIN_MAP).write();
    let heif = Heif::read(&bytes, &LIMITS).unwrap();
    assert!(heif.has_gain_map() && !heif.has_alpha());
}

#[test]
fn alpha_of_single_tiles() {
    let mut file = grid();
    file.props.push((b"auxC", [b"\0\0\0\0", ALPHA[0], b"\0"].concat()));
    let aux = file.props.len() as u8 | 0x80;
    // The second and the third tile have alpha of their own.
    for (id, tile) in [(10, 2), (11, 3)] {
        file.items.push(Item::coded(id, vec![0x81, 2, aux]));
        file.refs.push((b"auxl", id, vec![tile]));
    }
    let (planes, _) = decode(&file).unwrap();
    let alpha = planes.alpha.expect("alpha");
    let q = quarters();
    assert_eq!((alpha.width, alpha.height), (100, 90));
    assert_eq!((alpha.row(16)[16], alpha.row(80)[90]), (255, 255), "tiles without alpha are opaque");
    assert_eq!((alpha.row(16)[64 + 16], alpha.row(64 + 16)[16]), (q[0], q[0]));
    let heif_has = |file: &File| Heif::read(&file.write(), &LIMITS).unwrap().has_alpha();
    assert!(heif_has(&file) && !heif_has(&grid()));
}

#[test]
fn pictures_over_each_other() {
    // A canvas of 100×80, half transparent green; one picture at (−16, 0), another turned at (41, 20).
    let mut file = File::single(&[(b"irot", vec![3])]);
    file.items[0].props = vec![0x81, 2];
    file.items.push(Item::coded(2, vec![0x81, 2, 0x83]));
    let mut data = vec![0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0x80, 0, 0, 100, 0, 80];
    for offset in [-16_i16, 0, 41, 20] {
        data.extend(offset.to_be_bytes());
    }
    file.items.push(Item::derived(3, b"iovl", data, vec![]));
    file.refs.push((b"dimg", 3, vec![1, 2]));
    file.primary = 3;
    let (planes, orientation) = decode(&file).unwrap();
    assert_eq!((planes.y.width, planes.y.height, orientation), (100, 80, 1));
    let (q, alpha) = (quarters(), planes.alpha.as_ref().expect("a canvas that shows through"));
    assert_eq!((planes.y.row(10)[0], planes.y.row(50)[5]), (q[0], q[2]), "cut at the left edge");
    // A quarter turn clockwise brings the lower left quarter to the upper left.
    assert_eq!((planes.y.row(30)[50], planes.y.row(70)[90]), (q[2], q[1]), "turned, on top");
    assert_eq!((alpha.row(10)[0], alpha.row(70)[90], alpha.row(5)[80]), (255, 255, 127));
    let green = planes.y.row(5)[80];
    assert!(green.abs_diff(150) <= 1, "BT.601 luma of green: {green}");
    (file.items[2].data[10], file.items[2].data[12]) = (0xFF, 0xFF);
    assert_eq!(decode(&file).unwrap_err().kind(), ErrorKind::TooLarge);
    file.refs[0].2[0] = 3;
    assert!(decode(&file).is_err(), "an overlay of itself");
}

#[test]
fn colour_of_the_container() {
    let range = |file: &File| decode(file).unwrap().0.range;
    assert_eq!(range(&File::single(&[])), Range::Full, "the coded picture says so");
    let mut silent = File::single(&[]);
    silent.props[0].1 = bytes(HVCC_WITHOUT_VUI);
    assert_eq!(range(&silent), Range::Limited, "nobody says: H.265 E.3.1 infers 0");
    let nclx = |matrix: u8, full: u8| -> Prop { (b"colr", [&b"nclx\0\x09\0\x10\0"[..], &[matrix, full]].concat()) };
    let (planes, _) = decode(&File::single(&[nclx(9, 0)])).unwrap();
    assert_eq!((planes.matrix, planes.range), (Matrix::Bt2020, Range::Limited));
    let (planes, _) = decode(&File::single(&[nclx(2, 0x80), (b"colr", b"profICC".to_vec())])).unwrap();
    assert_eq!((planes.matrix, planes.range), (Matrix::Bt601, Range::Full));
    let unspecified = |full: u8| -> Prop { (b"colr", [&b"nclx\0\x02\0\x02\0\x02"[..], &[full]].concat()) };
    assert_eq!(range(&File::single(&[unspecified(0)])), Range::Limited, "that much is said");
    // The bit by which the coded picture says that its range is full.
    let limited = |props: &[Prop]| {
        let flipped = |bit: usize| {
            let mut file = File::single(props);
            file.props[0].1[bit / 8] ^= 1 << (bit % 8);
            file
        };
        let plain = |bit: usize| {
            let mut file = flipped(bit);
            file.props.truncate(2);
            file.items[0].props.truncate(2);
            let says = Heif::read(&file.write(), &LIMITS).is_ok_and(|h| h.colour().is_some_and(|c| !c.full_range));
            says && decode(&file).is_ok()
        };
        flipped((0..bytes(HVCC).len() * 8).find(|bit| plain(*bit)).expect("such a bit"))
    };
    assert_eq!(range(&limited(&[unspecified(0x80)])), Range::Limited, "whose word is none does not count");
    let error = decode(&File::single(&[nclx(8, 0x80)])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedFeature, "YCgCo");
}

#[test]
fn what_is_not_understood_is_refused() {
    let unknown: Prop = (b"what", vec![]);
    let error = decode(&File::single(std::slice::from_ref(&unknown))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedFeature, "essential");
    let mut file = File::single(&[unknown]);
    file.items[0].props[2] = 3;
    decode(&file).expect("not essential");
    file.items[0].kind = b"av01";
    assert_eq!(decode(&file).unwrap_err().kind(), ErrorKind::UnsupportedFormat);
    file.items[0].kind = b"unci";
    assert_eq!(decode(&file).unwrap_err().kind(), ErrorKind::UnsupportedFeature);
    file.primary = 7;
    assert_eq!(decode(&file).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn the_parameter_set_is_judged_whatever_the_box_says() {
    // `ispe` says 64×64; a limit below that of the coded picture refuses it all the same.
    let mut file = File::single(&[]);
    file.props[1] = ispe(8, 8);
    let bytes_of = file.write();
    let small = Limits { max_pixels: 1000, ..LIMITS };
    assert_eq!(Heif::read(&bytes_of, &small).err().unwrap().kind(), ErrorKind::TooLarge);
    assert!(bytes(HVCC).len() > 100);
    // Nor is the picture cut to it without a word; only the rest of a coding block is.
    let size = |w, h| {
        let mut file = File::single(&[]);
        file.props[1] = ispe(w, h);
        let bytes = file.write();
        let heif = Heif::read(&bytes, &LIMITS).unwrap();
        let planes = heif.decode(&LIMITS, false).unwrap();
        (planes.y.width, planes.y.height, heif.irregularities().len())
    };
    assert_eq!(size(64, 64), (64, 64, 0));
    assert_eq!(size(8, 8), (64, 64, 1), "not cropped");
    assert_eq!(size(100, 64), (64, 64, 1), "not enlarged");
    assert_eq!(size(60, 49), (60, 49, 1), "padding of the last block");
}
