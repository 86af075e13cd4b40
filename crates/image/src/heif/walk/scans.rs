//! In which order coefficients come, and by which contexts (ITU-T H.265 § 6.5.3 to § 6.5.5 and § 9.3.4.2.5).

use super::contexts as context;

/// Places in the order of a scan (§ 6.5.3 to § 6.5.5): column and row.
pub(super) type Order = [(u8, u8); 64];

const fn order(side: u8, scan: usize) -> Order {
    let mut order = [(0, 0); 64];
    let (mut at, mut sum) = (0, 0);
    if scan > 0 {
        while at < side as usize * side as usize {
            let (major, minor) = (at as u8 / side, at as u8 % side);
            order[at] = if scan == 1 { (minor, major) } else { (major, minor) };
            at += 1;
        }
        return order;
    }
    while sum < 2 * side - 1 {
        // From the lower left to the upper right.
        let mut x = 0;
        while x <= sum {
            let y = sum - x;
            if x < side && y < side {
                order[at] = (x, y);
                at += 1;
            }
            x += 1;
        }
        sum += 1;
    }
    order
}

/// By logarithm of the side, then by scan.
pub(super) static ORDERS: [[Order; 3]; 4] = {
    let mut orders = [[[(0, 0); 64]; 3]; 4];
    let mut i = 0;
    while i < 12 {
        orders[i / 3][i % 3] = order(1 << (i / 3), i % 3);
        i += 1;
    }
    orders
};

/// The other way about: where in an order a place stands, by column and eight times the row.
pub(super) static INDICES: [[[u8; 64]; 3]; 4] = {
    let mut indices = [[[0; 64]; 3]; 4];
    let mut i = 0;
    while i < 12 {
        let order = order(1 << (i / 3), i % 3);
        let mut at = 0;
        while at < 1 << (2 * (i / 3)) {
            indices[i / 3][i % 3][order[at].0 as usize + 8 * order[at].1 as usize] = at as u8;
            at += 1;
        }
        i += 1;
    }
    indices
};

/// Contexts of significance in a block of four (§ 9.3.4.2.5), by row and column.
const OF_FOUR: [u8; 16] = [0, 1, 4, 5, 2, 3, 4, 5, 6, 6, 8, 8, 7, 7, 8, 0];

/// The same by place in a subblock, for each of what is known of the subblocks to the right (1) and below (2).
const BY_PLACE: [[u8; 16]; 4] = [
    [2, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
    [2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0],
    [2, 1, 0, 0, 2, 1, 0, 0, 2, 1, 0, 0, 2, 1, 0, 0],
    [2; 16],
];

/// Contexts in the order of a scan: of the first subblock and of the others, for each of what is known of those beside.
pub(super) type Significance = [[[u8; 16]; 4]; 2];

const fn significance(is_chroma: bool, size: usize, scan: usize) -> Significance {
    let start = context::SIGNIFICANT + if is_chroma { 27 } else { 0 };
    let by_size = match (is_chroma, size) {
        (_, 2) => 0,
        (false, 3) if scan == 0 => 9,
        (false, 3) => 15,
        (false, _) => 21,
        (true, 3) => 9,
        (true, _) => 12,
    };
    let order = order(4, scan);
    let mut table = [[[0; 16]; 4]; 2];
    let mut at = 0;
    while at < 128 {
        let (further, pattern, n) = (at / 64, at / 16 % 4, at % 16);
        let place = order[n].0 as usize + 4 * order[n].1 as usize;
        let further_luma = if further == 1 && !is_chroma { 3 } else { 0 };
        let context = match size {
            2 => OF_FOUR[place] as usize,
            // The first of all has a context of its own.
            _ if further == 0 && n == 0 => 0,
            _ => by_size + further_luma + BY_PLACE[pattern][place] as usize,
        };
        table[further][pattern][n] = (start + context) as u8;
        at += 1;
    }
    table
}

/// By luma and chroma, the logarithm of the side, and scan.
pub(super) static SIGNIFICANCE: [[[Significance; 3]; 4]; 2] = {
    let mut tables = [[[[[[0; 16]; 4]; 2]; 3]; 4]; 2];
    let mut i = 0;
    while i < 24 {
        tables[i / 12][i / 3 % 4][i % 3] = significance(i >= 12, i / 3 % 4 + 2, i % 3);
        i += 1;
    }
    tables
};
