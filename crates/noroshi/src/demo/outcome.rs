//! What invented operators learn later: some subscribers call, and their terminals are clean.

use exchange::House;
use model::{Actor, Outcome, RoundId};
use store::delivery::Kind;

use crate::command::Failure;

/// Marks two in five of the told rows of a round as cleaned, as a care desk would report them, and answers the hub anew.
pub async fn cleaned_later(house: &House, actor: &Actor, round: &RoundId) -> Result<(), Failure> {
    let deliveries = store::delivery::of_round(&house.store, round).await.map_err(exchange::DeedError::from)?;
    for delivery in deliveries.iter().filter(|delivery| delivery.kind == Kind::Inbound) {
        let rows = u32::try_from(delivery.rows).unwrap_or(u32::MAX);
        // Rows that were not told cannot become clean and are left as they are.
        let amended: Vec<(u32, Outcome)> =
            (1..=rows).filter(|place| place % 5 < 2).map(|place| (place, Outcome::Cleaned)).collect();
        house.amend_told(actor, delivery.id, &amended).await?;
    }
    Ok(())
}
