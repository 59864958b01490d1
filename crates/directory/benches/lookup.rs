//! How fast addresses find their holder, beside `prefix-trie` in the same run:
//! `cargo bench --locked --workspace --bench lookup`.
//!
//! `NOROSHI_ASN_TABLES` names the tables to ask, separated by `:`; the public one is the npm package
//! `@ip-location-db/asn` (`asn-ipv4.csv`, `asn-ipv6.csv`; CC BY 4.0 of RouteViews, DB-IP and NRO: each is to be named where its
//! results are shown; no part of it lies here). Without it a table of its shape is made: as many ranges of each family, of
//! the lengths that it has most.
//!
//! Asked are 10 million addresses of each family, nine in ten inside a prefix that is drawn by lot, one in ten anywhere, by
//! one thread. A figure is the best of five rounds, in which both are asked in turn; the ratio is of those.

use std::fmt::Write as _;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use directory::{AsnTable, Directory, Roster};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use model::address::Address;
use model::batch::SightingBatchBuilder;
use model::port::SeededEntropy;
use model::sighting::Sighting;
use prefix_trie::PrefixMap;

const ASKED: usize = 10_000_000;
const ROUNDS: usize = 5;
const ROUTED: usize = 1_000_000;

fn main() {
    let tables = tables();
    let nets = prefixes(&tables);
    let begun = Instant::now();
    let read: Vec<AsnTable> = tables
        .iter()
        .filter_map(|text| AsnTable::read_ranges("asn.csv", text.as_bytes()).ok())
        .map(|r| r.table)
        .collect();
    println!("read {} ranges in {:.2?}", read.iter().map(AsnTable::len).sum::<usize>(), begun.elapsed());
    let begun = Instant::now();
    let directory = Directory::new(roster(&nets), &read);
    let made = begun.elapsed();
    println!(
        "directory of {} prefixes, {} answers, {} spans in {made:.2?}",
        nets.len(),
        directory.holder_count(),
        directory.span_count()
    );

    let random = SeededEntropy::new(2);
    let (mut v4, mut v6) = (PrefixMap::<Ipv4Net, u32>::new(), PrefixMap::<Ipv6Net, u32>::new());
    let (mut short, mut long) = (Vec::new(), Vec::new());
    for (net, number) in nets.iter().zip(1_u32..) {
        match net {
            IpNet::V4(net) => {
                v4.insert(*net, number);
                short.push(*net);
            }
            IpNet::V6(net) => {
                v6.insert(*net, number);
                long.push(*net);
            }
        }
    }
    let asked: Vec<Address> = (0..ASKED)
        .map(|n| {
            let any = u32::try_from(random.next_u64() >> 32).unwrap_or(0);
            let net = short[usize::try_from(random.below(short.len() as u64)).unwrap_or(0)];
            let inside = net.network().to_bits() | (any & net.hostmask().to_bits());
            Address::new(IpAddr::V4(Ipv4Addr::from(if n % 10 == 0 { any } else { inside })))
        })
        .collect();
    compare("IPv4", &directory, &asked, |address| match address.ip() {
        IpAddr::V4(ip) => v4.get_lpm(&Ipv4Net::from(ip)).is_some(),
        IpAddr::V6(_) => false,
    });
    route(&directory, &asked);
    let asked: Vec<Address> = (0..ASKED)
        .map(|n| {
            let any = (u128::from(random.next_u64()) << 64) | u128::from(random.next_u64());
            let net = long[usize::try_from(random.below(long.len() as u64)).unwrap_or(0)];
            let inside = net.network().to_bits() | (any & net.hostmask().to_bits());
            // Anywhere in 2000::/3, the part that is given out.
            Address::new(IpAddr::V6(Ipv6Addr::from(if n % 10 == 0 { (any >> 3) | (1 << 125) } else { inside })))
        })
        .collect();
    compare("IPv6", &directory, &asked, |address| match address.ip() {
        IpAddr::V6(ip) => v6.get_lpm(&Ipv6Net::from(ip)).is_some(),
        IpAddr::V4(_) => false,
    });
}

/// Asks both in turn and prints figures and ratio.
fn compare(name: &str, directory: &Directory, asked: &[Address], peer: impl Fn(Address) -> bool) {
    let mut best = [Duration::MAX; 3];
    let mut hits = [0_usize; 3];
    for _ in 0..ROUNDS {
        let mut time = |which: usize, ask: &dyn Fn() -> usize| {
            let begun = Instant::now();
            hits[which] = black_box(ask());
            best[which] = best[which].min(begun.elapsed());
        };
        time(0, &|| asked.iter().filter(|address| peer(**address)).count());
        time(1, &|| {
            let holders = directory.holders(asked.iter().copied().map(Some));
            holders.iter().filter(|id| directory.holding(**id).asn.is_some()).count()
        });
        time(2, &|| directory.holders(black_box(asked.iter().copied().map(Some))).len());
    }
    let rate = |time: Duration| asked.len() as f64 / time.as_secs_f64() / 1e6;
    println!(
        "{name}: prefix-trie {:.1} M/s; in batches {:.1} M/s, {:.1} times; with what the number stands for {:.1} M/s (hits {} and {} of {})",
        rate(best[0]),
        rate(best[2]),
        rate(best[2]) / rate(best[0]),
        rate(best[1]),
        hits[0],
        hits[1],
        asked.len()
    );
}

/// Routes a batch of sightings.
fn route(directory: &Directory, asked: &[Address]) {
    let mut builder = SightingBatchBuilder::with_capacity(ROUTED);
    for address in asked.iter().take(ROUTED) {
        builder.push(&Sighting { source_ip: Some(*address), ..Sighting::infected() });
    }
    let batch = builder.finish();
    let at = model::time::Instant::from_micros(1_775_000_000_000_000);
    let mut best = Duration::MAX;
    let mut sent = 0;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        sent =
            directory.route(&batch, at).filter(|addressee| matches!(addressee, directory::Addressee::Party(_))).count();
        best = best.min(begun.elapsed());
    }
    println!("routed {ROUTED} sightings, {sent} to parties: {:.1} M rows/s", ROUTED as f64 / best.as_secs_f64() / 1e6);
}

/// The tables that the environment names, or one of the public table's shape.
fn tables() -> Vec<String> {
    if let Ok(paths) = std::env::var("NOROSHI_ASN_TABLES") {
        let read =
            |path: &str| std::fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read `{path}`: {error}"));
        return paths.split(':').map(read).collect();
    }
    println!("no NOROSHI_ASN_TABLES: an invented table");
    let random = SeededEntropy::new(1);
    let below = |limit: u64| u32::try_from(random.below(limit)).unwrap_or(0);
    let mut text = String::from("start,end,asn,name\n");
    let mut next = 1_u32 << 24;
    for _ in 0..411_961 {
        // Of ten ranges five are a /24, three up to four of them, two up to 64.
        let blocks = match random.below(10) {
            0..5 => 1,
            5..8 => 1 + below(4),
            _ => 1 + below(64),
        };
        let (first, last) = (Ipv4Addr::from(next), Ipv4Addr::from(next + (blocks << 8) - 1));
        next += (blocks + below(2)) << 8;
        let asn = 1_000 + random.below(75_000);
        let _ = writeln!(text, "{first},{last},{asn},\"System {asn}, Inc.\"");
    }
    let mut next = 0x2001_0000_u128 << 96;
    for _ in 0..103_197 {
        let length = [32, 36, 40, 44, 48, 48, 48, 64][usize::try_from(random.below(8)).unwrap_or(0)];
        let size = 1_u128 << (128 - length);
        let first = next.div_ceil(size) * size;
        let asn = 1_000 + random.below(75_000);
        let _ = writeln!(text, "{},{},{asn},System {asn}", Ipv6Addr::from(first), Ipv6Addr::from(first + size - 1));
        next = first + size + (u128::from(random.below(4)) << 84);
    }
    vec![text]
}

/// The ranges of the tables as prefixes.
fn prefixes(tables: &[String]) -> Vec<IpNet> {
    let mut nets = Vec::new();
    for line in tables.iter().flat_map(|text| text.lines()) {
        let mut fields = line.split(',');
        let ends = (fields.next().and_then(|f| f.parse().ok()), fields.next().and_then(|f| f.parse().ok()));
        match ends {
            (Some(IpAddr::V4(first)), Some(IpAddr::V4(last))) => {
                nets.extend(ipnet::Ipv4Subnets::new(first, last, 0).map(IpNet::V4));
            }
            (Some(IpAddr::V6(first)), Some(IpAddr::V6(last))) => {
                nets.extend(ipnet::Ipv6Subnets::new(first, last, 0).map(IpNet::V6));
            }
            _ => {}
        }
    }
    nets
}

/// Forty parties, each with seven systems and some twenty prefixes.
fn roster(nets: &[IpNet]) -> Roster {
    let mut text = String::from("version = \"1\"\nupdated = 2026-04-01T00:00:00Z\n");
    for party in 0..40_usize {
        let asns: Vec<String> = (0..7).map(|n| (1_000 + party * 7 + n).to_string()).collect();
        let own = nets.iter().skip(party).step_by(nets.len() / 20 + 1).filter(|net| net.prefix_len() >= 12);
        let own: Vec<String> = own.map(|net| format!("\"{net}\"")).collect();
        let _ = write!(
            text,
            "[[party]]\nid = \"isp-{party}\"\nname = {{ ja = \"甲\" }}\nroles = [\"operator\"]\nasns = [{}]\nprefixes = [{}]\n\
             [[party.agreement]]\nkind = \"receive\"\nreference = \"1\"\nfrom = 2020-01-01T00:00:00Z\n\
             [party.delivery]\nway = \"folder\"\npath = \"out\"\nformat = \"csv\"\n",
            asns.join(","),
            own.join(",")
        );
    }
    match Roster::read("roster.toml", &text) {
        Ok((roster, _)) => roster,
        Err(refused) => panic!("the bench's roster is one: {:?}", refused.errors),
    }
}
