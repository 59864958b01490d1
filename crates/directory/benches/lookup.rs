//! How fast the directory is made and asked: `cargo bench -p directory --bench lookup`.
//!
//! The table is invented: 400,000 IPv4 ranges of 1 to 16 blocks of /24, 100,000 IPv6 ranges of /40, 40,000 systems,
//! 300 of them run by 40 parties that also hold 20 prefixes each. One address in ten is IPv6, one in four repeats the
//! one before it, as sorted reports do.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;

use directory::{AsnTable, Directory, Roster};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use model::address::Address;
use model::batch::{SightingBatch, SightingBatchBuilder};
use model::port::SeededEntropy;
use model::sighting::Sighting;
use model::time::Instant;

const V4_RANGES: u32 = 400_000;
const V6_RANGES: u32 = 100_000;
const ASKED: usize = 200_000;

fn main() {
    divan::main();
}

fn table_text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let random = SeededEntropy::new(1);
        let mut text = String::from("start,end,asn,name\n");
        let mut next = 1_u32 << 24;
        for _ in 0..V4_RANGES {
            let blocks = u32::try_from(random.below(16)).unwrap_or(0) + 1;
            let (first, last) = (Ipv4Addr::from(next), Ipv4Addr::from(next + (blocks << 8) - 1));
            next += (blocks + u32::try_from(random.below(3)).unwrap_or(0)) << 8;
            let asn = 1_000_000 + random.below(40_000);
            let _ = writeln!(text, "{first},{last},{asn},\"System {asn}, Inc.\"");
        }
        for index in 0..V6_RANGES {
            let first = (0x2001_0db8_u128 << 96) + (u128::from(index) << 88);
            let (first, last) = (Ipv6Addr::from(first), Ipv6Addr::from(first + (1 << 88) - 1));
            let asn = 1_000_000 + random.below(40_000);
            let _ = writeln!(text, "{first},{last},{asn},System {asn}");
        }
        text
    })
}

fn table() -> AsnTable {
    match AsnTable::read_ranges("asn.csv", table_text().as_bytes()) {
        Ok(read) => read.table,
        Err(_) => AsnTable::default(),
    }
}

fn roster() -> Roster {
    let mut text = String::from("version = \"1\"\nupdated = 2026-04-01T00:00:00Z\n");
    for party in 0..40_u32 {
        let asns: Vec<String> = (0..7).map(|n| (1_000_000 + party * 7 + n).to_string()).collect();
        let nets: Vec<String> = (0..20_u32).map(|n| format!("\"{}.{}.0.0/16\"", 1 + party, n * 3)).collect();
        let _ = write!(
            text,
            "[[party]]\nid = \"isp-{party}\"\nname = {{ ja = \"甲\" }}\nroles = [\"operator\"]\nasns = [{}]\nprefixes = [{}]\n\
             [[party.agreement]]\nkind = \"receive\"\nreference = \"1\"\nfrom = 2020-01-01T00:00:00Z\n\
             [party.delivery]\nway = \"folder\"\npath = \"out\"\nformat = \"csv\"\n",
            asns.join(","),
            nets.join(",")
        );
    }
    match Roster::read("roster.toml", &text) {
        Ok((roster, _)) => roster,
        Err(refused) => panic!("the bench's roster is one: {:?}", refused.errors),
    }
}

fn directory() -> &'static Directory {
    static DIRECTORY: OnceLock<Directory> = OnceLock::new();
    DIRECTORY.get_or_init(|| Directory::new(roster(), &[table()]))
}

fn addresses() -> Vec<Address> {
    let random = SeededEntropy::new(2);
    let mut asked: Vec<Address> = Vec::with_capacity(ASKED);
    while asked.len() < ASKED {
        let ip = match random.below(10) {
            0 => IpAddr::V6(Ipv6Addr::from((0x2001_0db8_u128 << 96) + (u128::from(random.next_u64()) << 56))),
            _ => IpAddr::V4(Ipv4Addr::from((1 << 24) + u32::try_from(random.below(1 << 30)).unwrap_or(0))),
        };
        asked.push(Address::new(ip));
        if random.below(3) == 0 {
            asked.push(Address::new(ip));
        }
    }
    asked
}

fn batch() -> SightingBatch {
    let asked = addresses();
    let mut builder = SightingBatchBuilder::with_capacity(asked.len());
    for address in asked {
        builder.push(&Sighting { source_ip: Some(address), ..Sighting::infected() });
    }
    builder.finish()
}

#[divan::bench(sample_count = 50)]
fn lookup_single(bencher: Bencher<'_, '_>) {
    let (directory, asked) = (directory(), addresses());
    bencher
        .counter(ItemsCount::new(asked.len()))
        .bench_local(|| asked.iter().filter(|address| directory.lookup(**black_box(address)).party.is_some()).count());
}

#[divan::bench(sample_count = 50)]
fn lookup_all(bencher: Bencher<'_, '_>) {
    let (directory, asked) = (directory(), addresses());
    bencher.counter(ItemsCount::new(asked.len())).bench_local(|| {
        let asked = black_box(&asked).iter().map(|address| Some(*address));
        directory.lookup_all(asked).filter(|holder| holder.party.is_some()).count()
    });
}

#[divan::bench(sample_count = 50)]
fn route_batch(bencher: Bencher<'_, '_>) {
    let (directory, batch) = (directory(), batch());
    let at = Instant::from_micros(1_775_000_000_000_000);
    bencher.counter(ItemsCount::new(batch.len())).bench_local(|| {
        directory.route(black_box(&batch), at).filter(|a| matches!(a, directory::Addressee::Party(_))).count()
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn read_table(bencher: Bencher<'_, '_>) {
    let text = table_text();
    bencher
        .counter(ItemsCount::new(V4_RANGES + V6_RANGES))
        .bench_local(|| AsnTable::read_ranges("asn.csv", black_box(text).as_bytes()).map(|read| read.table.len()).ok());
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn make_directory(bencher: Bencher<'_, '_>) {
    let table = table();
    bencher.counter(ItemsCount::new(V4_RANGES + V6_RANGES)).with_inputs(roster).bench_local_values(|roster| {
        Directory::new(roster, std::slice::from_ref(&table)).party_of_asn(directory::Asn::new(1)).is_some()
    });
}
