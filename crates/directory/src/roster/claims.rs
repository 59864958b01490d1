//! Who claims what: nothing twice, and a remark where one claim lies inside another party's.

use std::collections::BTreeMap;
use std::fmt::Display;

use ipnet::IpNet;
use model::problem::Code;
use prefix_trie::joint::map::JointPrefixMap;

use super::sheet::{Sheet, Spot};
use crate::asn::Asn;
use crate::code;
use crate::domain::Domain;

/// One value that one party claims, and where.
pub(super) struct Claim<T> {
    value: T,
    /// The party's place in the file: its id may be missing or stand there twice.
    party: usize,
    /// Its id as messages show it.
    name: String,
    spot: Spot,
}

/// All claims of a roster.
#[derive(Default)]
pub(super) struct Claims {
    asns: Vec<Claim<Asn>>,
    prefixes: Vec<Claim<IpNet>>,
    domains: Vec<Claim<Domain>>,
}

/// The claims of one party, as they are read.
pub(super) struct Claimant<'c> {
    claims: &'c mut Claims,
    party: usize,
    name: String,
}

impl Claims {
    /// Takes the claims of the party at that place in the file.
    pub(super) fn of(&mut self, party: usize, name: Option<&str>) -> Claimant<'_> {
        Claimant { claims: self, party, name: name.unwrap_or("?").to_owned() }
    }

    /// Notes every value that is claimed twice and every claim that lies inside another party's.
    pub(super) fn check(&self, sheet: &mut Sheet<'_>) {
        once(sheet, &self.asns, &code::ASN_TWICE);
        once(sheet, &self.prefixes, &code::PREFIX_TWICE);
        once(sheet, &self.domains, &code::DOMAIN_TWICE);
        self.remark_nested_prefixes(sheet);
        self.remark_nested_domains(sheet);
    }

    fn remark_nested_prefixes(&self, sheet: &mut Sheet<'_>) {
        let mut claimed: JointPrefixMap<IpNet, &Claim<IpNet>> = JointPrefixMap::new();
        for claim in &self.prefixes {
            claimed.insert(claim.value, claim);
        }
        for inner in &self.prefixes {
            let around = inner.value.supernet().and_then(|wider| claimed.get_lpm(&wider));
            if let Some((_, outer)) = around {
                inside(sheet, inner, outer, &code::PREFIX_NESTED);
            }
        }
    }

    fn remark_nested_domains(&self, sheet: &mut Sheet<'_>) {
        let claimed: BTreeMap<&str, &Claim<Domain>> = self.domains.iter().map(|c| (c.value.as_str(), c)).collect();
        for inner in &self.domains {
            if let Some(outer) = inner.value.above().find_map(|name| claimed.get(name)) {
                inside(sheet, inner, outer, &code::DOMAIN_NESTED);
            }
        }
    }
}

impl Claimant<'_> {
    pub(super) fn asn(&mut self, value: Asn, spot: Spot) {
        let claim = self.claim(value, spot);
        self.claims.asns.push(claim);
    }

    pub(super) fn prefix(&mut self, value: IpNet, spot: Spot) {
        let claim = self.claim(value, spot);
        self.claims.prefixes.push(claim);
    }

    pub(super) fn domain(&mut self, value: Domain, spot: Spot) {
        let claim = self.claim(value, spot);
        self.claims.domains.push(claim);
    }

    fn claim<T>(&self, value: T, spot: Spot) -> Claim<T> {
        Claim { value, party: self.party, name: self.name.clone(), spot }
    }
}

impl<T: Display> Claim<T> {
    /// The claim in a message: whose, and what.
    fn told(&self) -> String {
        format!("{} {}", self.name, self.value)
    }
}

fn once<T: Ord + Display>(sheet: &mut Sheet<'_>, claims: &[Claim<T>], twice: &'static Code) {
    let mut first: BTreeMap<&T, &Claim<T>> = BTreeMap::new();
    for claim in claims {
        let earlier = *first.entry(&claim.value).or_insert(claim);
        if std::ptr::eq(earlier, claim) {
            continue;
        }
        let told = format!("{} = {} ({})", claim.told(), earlier.told(), sheet.line_of(&earlier.spot));
        if earlier.party == claim.party {
            sheet.note(&code::SAID_TWICE, &claim.spot, Some(&told));
        } else {
            sheet.error(twice, &claim.spot, Some(&told));
        }
    }
}

fn inside<T: Display>(sheet: &mut Sheet<'_>, inner: &Claim<T>, outer: &Claim<T>, nested: &'static Code) {
    if inner.party != outer.party {
        let told = format!("{} ⊂ {} ({})", inner.told(), outer.told(), sheet.line_of(&outer.spot));
        sheet.note(nested, &inner.spot, Some(&told));
    }
}
