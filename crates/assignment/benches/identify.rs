//! How fast one subscriber is found among a million leases, and how long the index takes to load.
//!
//! `cargo bench -p assignment`. The data is made here from a seed: 4,096 shared addresses with blocks of mixed widths, leases of
//! hours that follow each other, and observations of which nine in ten are aimed at a lease.

#[path = "../tests/operator/mod.rs"]
mod operator;

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::OnceLock;

use assignment::{CoversFrom, Holders, Index, OwnRanges, Seen, Source};
use divan::Bencher;
use divan::counter::ItemsCount;
use law::question::Action;
use model::port::SeededEntropy;
use model::{Instant, PortNumber, Uncertainty};
use operator::{Operator, at, clearance, leases, now};

const LEASES: u64 = 1_000_000;
const OBSERVATIONS: u64 = 100_000;
const ADDRESSES: u64 = 4_096;
const SUBSCRIBERS: u64 = 100_000;

fn main() {
    divan::main();
}

struct Data {
    operator: Operator,
    index: Index,
    own: OwnRanges,
    seen: Vec<Seen>,
}

fn first() -> Instant {
    at("2026-06-01T00:00:00Z")
}

fn address(number: u64) -> String {
    format!("198.18.{}.{}", number / 256, number % 256)
}

fn data() -> &'static Data {
    static DATA: OnceLock<Data> = OnceLock::new();
    DATA.get_or_init(|| {
        let random = SeededEntropy::new(10);
        let mut rows = String::from("address,ports,start,end,subscriber\n");
        let mut seen = Vec::new();
        let per_address = LEASES / ADDRESSES;
        for number in 0..ADDRESSES {
            // Blocks of 1,024, 2,048 and 4,096 ports, each from its own grid, so that some overlap in ports but not in time.
            let width = [1_024, 2_048, 4_096][random.below(3) as usize];
            let blocks = 64_512 / width;
            let mut free_from = vec![0_i64; blocks as usize];
            for _ in 0..per_address {
                let block = random.below(blocks);
                let start =
                    free_from[block as usize] + if random.below(5) == 0 { 0 } else { random.below(3_600) as i64 };
                let end = start + 600 + random.below(6 * 3_600) as i64;
                free_from[block as usize] = end;
                let (low, start_at) = (1_024 + block * width, first().plus_seconds(start));
                let _ = writeln!(
                    rows,
                    "{},{low}-{},{start_at},{},K-{}",
                    address(number),
                    low + width - 1,
                    first().plus_seconds(end),
                    random.below(SUBSCRIBERS)
                );
                if random.below(LEASES) < OBSERVATIONS {
                    let aimed = random.below(10) > 0;
                    let time = if aimed {
                        start + random.below((end - start) as u64) as i64
                    } else {
                        random.below(600_000) as i64
                    };
                    seen.push(Seen {
                        address: address(number).parse().expect("an address"),
                        port: PortNumber::new((low + random.below(width)) as u16),
                        time: first().plus_seconds(time),
                        uncertainty: Uncertainty::from_seconds([0, 1, 5, 30, 300][random.below(5) as usize]),
                    });
                }
            }
        }
        // Observations come in no order.
        for at in (1..seen.len()).rev() {
            seen.swap(at, random.below(at as u64 + 1) as usize);
        }
        let operator = Operator::new();
        let source = Source { from: CoversFrom::At(first()), as_of: now(), ..leases() };
        operator.import(&source, rows.as_bytes());
        let index = operator.register.index().expect("the index loads");
        let own = OwnRanges::of(["198.18.0.0/15".parse().expect("a prefix")]);
        Data { operator, index, own, seen }
    })
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn identify(bencher: Bencher<'_, '_>) {
    let data = data();
    let clearance = clearance(Action::Identify);
    bencher.counter(ItemsCount::new(data.seen.len())).bench_local(|| {
        black_box(data.index.identify(&data.seen, &data.own, &clearance, now()).expect("it opens"));
    });
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn load_index(bencher: Bencher<'_, '_>) {
    let data = data();
    bencher.counter(ItemsCount::new(data.index.spans())).bench_local(|| {
        black_box(data.operator.register.index().expect("the index loads").spans());
    });
}
