//! The published tables of the two operations: the only place that knows them, besides the generator that is told by it.
//!
//! Source: police-council slides of January 2016, the section on Telecom-ISAC Japan's work with the police: 受領数, 送付数,
//! 返却数 and 対応率 per round. The sources do not say how many subscribers were identified, told or cleaned.

/// One column of a published table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// 受領数.
    pub received: u64,
    /// 送付数.
    pub sent: u64,
    /// 返却数.
    pub returned: u64,
    /// 対応率 as printed, in permille.
    pub rate_permille: u64,
}

/// One published operation.
#[derive(Debug)]
pub struct Operation {
    /// Its id here.
    pub id: &'static str,
    /// 協力先 that lists were sent to.
    pub partners: usize,
    /// One column per round (回).
    pub rounds: &'static [Column],
    /// 合計.
    pub total: Column,
    /// Terminals believed infected in Japan.
    pub estimated: u64,
}

const fn column(received: u64, sent: u64, returned: u64, rate_permille: u64) -> Column {
    Column { received, sent, returned, rate_permille }
}

/// Game Over Zeus, 2014: four rounds to 14 partners; returned to JPCERT/CC.
pub const GOZ: Operation = Operation {
    id: "goz-2014",
    partners: 14,
    rounds: &[
        column(1_320, 839, 481, 636),
        column(19_482, 13_028, 6_454, 669),
        column(46_718, 31_725, 14_993, 679),
        column(88_001, 58_647, 29_354, 666),
    ],
    total: column(155_521, 104_239, 51_282, 670),
    estimated: 200_000,
};

/// VAWTRAK, 2015: one list to 16 partners; returned to the Metropolitan Police.
pub const VAWTRAK: Operation = Operation {
    id: "vawtrak-2015",
    partners: 16,
    rounds: &[column(43_565, 33_196, 10_369, 762)],
    total: column(43_565, 33_196, 10_369, 762),
    estimated: 44_000,
};
