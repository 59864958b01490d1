//! What a verifier can find wrong, each with a stable code and a text for the overseer.

use std::fmt;

/// One kind of fault: stable for machines, explained for people.
#[derive(Debug, PartialEq, Eq)]
pub struct FaultCode {
    /// The code: lower-case words and hyphens, never renamed.
    pub code: &'static str,
    /// What is wrong, for a Japanese reader.
    pub ja: &'static str,
    /// What is wrong, for an English reader.
    pub en: &'static str,
    /// What to do next, for a Japanese reader.
    pub help_ja: &'static str,
    /// What to do next, for an English reader.
    pub help_en: &'static str,
    /// What brings it about.
    pub example: &'static str,
}

/// Where a fault is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The file, as a path within the log.
    pub file: Option<String>,
    /// The leaf's place in the log, from 0.
    pub leaf: Option<u64>,
    /// The offset in the file, in bytes.
    pub byte: Option<u64>,
}

impl Place {
    /// A file, not nearer known.
    #[must_use]
    pub fn file(file: impl fmt::Display) -> Self {
        Self { file: Some(file.to_string()), leaf: None, byte: None }
    }

    /// The same at that leaf.
    #[must_use]
    pub const fn leaf(mut self, leaf: u64) -> Self {
        self.leaf = Some(leaf);
        self
    }

    /// The same at that byte.
    #[must_use]
    pub const fn byte(mut self, byte: u64) -> Self {
        self.byte = Some(byte);
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.file.as_deref().unwrap_or("-"))?;
        if let Some(leaf) = self.leaf {
            write!(f, ", leaf {leaf}")?;
        }
        if let Some(byte) = self.byte {
            write!(f, ", byte {byte}")?;
        }
        Ok(())
    }
}

/// Something wrong at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind.
    pub code: &'static FaultCode,
    /// Where.
    pub place: Place,
}

impl fmt::Display for Fault {
    /// `tile/entries/000.p/17, leaf 3, byte 512: this leaf is not the one .. [ledger-entry-altered]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.place, self.code.en, self.code.code)
    }
}

macro_rules! faults {
    ($($name:ident, $code:literal, $ja:literal, $en:literal, $help_ja:literal, $help_en:literal, $example:literal;)*) => {
        $(
            #[doc = $en]
            pub static $name: FaultCode = FaultCode {
                code: $code, ja: $ja, en: $en, help_ja: $help_ja, help_en: $help_en, example: $example,
            };
        )*
        /// Every fault that a verifier can find.
        pub static FAULTS: &[&FaultCode] = &[$(&$name),*];
    };
}

faults! {
    CHECKPOINT_MISSING, "ledger-checkpoint-missing",
    "チェックポイントがありません",
    "there is no checkpoint",
    "台帳のフォルダー全体を写したか確かめてください。署名がないため、残りのファイルは互いの整合だけを調べました",
    "check that the whole folder was copied; without a signature the other files were only compared with each other",
    "a copy of the tile folder alone";

    CHECKPOINT_MALFORMED, "ledger-checkpoint-malformed",
    "チェックポイントが署名付きノートの形式ではありません",
    "the checkpoint is not a signed note with a size and a root",
    "運用者から取り直し、前に保管したチェックポイントと照らし合わせてください",
    "fetch it again from the operator and hold it against the checkpoint kept earlier",
    "a checkpoint cut short";

    CHECKPOINT_UNSIGNED, "ledger-checkpoint-unsigned",
    "チェックポイントに、指定した検証鍵による署名がありません",
    "the checkpoint bears no signature under the given verifier key",
    "検証鍵を運用者とは別の経路で確かめてください。鍵が正しければ、チェックポイントは別人が作ったものです",
    "confirm the verifier key by another way than through the operator; if it is right, somebody else made the checkpoint",
    "a checkpoint signed with another key";

    CHECKPOINT_SIGNATURE, "ledger-checkpoint-signature",
    "チェックポイントの署名が本文と合いません",
    "the checkpoint's signature does not fit its text",
    "本文か署名が改変されています。取り直しても同じなら、運用者に説明を求めてください",
    "its text or signature was altered; if a fresh copy says the same, ask the operator to explain",
    "a checkpoint whose size was changed by hand";

    CHECKPOINT_ORIGIN, "ledger-checkpoint-origin",
    "チェックポイントの名前（1 行目）が検証鍵の名前と違います",
    "the checkpoint's first line is not the name of the verifier key",
    "別の台帳のファイルが混ざっていないか確かめてください",
    "check whether files of another ledger were mixed in",
    "the checkpoint of a node in the folder of the hub";

    VERIFIER_KEY, "ledger-verifier-key",
    "検証鍵の形式が正しくありません",
    "the verifier key is malformed",
    "`名前+識別子+base64` の形の 1 行を、公表されたとおりに渡してください",
    "give the one line `name+id+base64` exactly as it was published",
    "a verifier key that lost its last character";

    VERIFIER_ALGORITHM, "ledger-verifier-algorithm",
    "検証鍵の署名方式を、この版は知りません",
    "this version does not know the verifier key's algorithm",
    "新しい版の検証プログラムを使ってください",
    "use a newer verifier",
    "a verifier key of a post-quantum algorithm";

    FILE_MISSING, "ledger-file-missing",
    "チェックポイントが必要とするファイルがありません",
    "a file that the checkpoint needs is not there",
    "写し漏れでなければ、記録が消されています。運用者のバックアップと、他の監督者の写しを調べてください",
    "if it was not lost in copying, records were removed: look at the operator's backups and at the copies of other overseers",
    "tile/entries/000 removed";

    FILE_LENGTH, "ledger-file-length",
    "ファイルの長さが、チェックポイントの示す件数と合いません",
    "the file is shorter or longer than the checkpoint's size asks for",
    "ここから先は読めていません。ファイルを取り直してください",
    "nothing beyond this place was read: fetch the file again",
    "a bundle cut short by a full disk";

    ENTRY_ALTERED, "ledger-entry-altered",
    "この記録は、署名された木にある記録と違います",
    "this leaf is not the one in the signed tree",
    "記録が書き換えられています。他の写しから元の記録を取り戻し、変更された箇所を比べてください",
    "the record was rewritten: bring the original back from another copy and compare",
    "one altered character in a leaf";

    TILE_ALTERED, "ledger-tile-altered",
    "タイルのハッシュが、記録から計算した値と違います",
    "a hash in this tile is not the one computed from the leaves",
    "記録そのものは署名と合っています。タイルは記録から作り直せます",
    "the leaves agree with the signed root; the tile can be made anew from them",
    "one altered byte in a tile";

    ENTRY_OR_TILE, "ledger-entry-or-tile-altered",
    "この記録とタイルのハッシュが食い違い、どちらが正しいかを決められません",
    "this leaf and its hash in the tile disagree, and nothing decides between them",
    "記録の束と同じ番号のタイル（tile/0）の両方を取り直してください",
    "fetch both again: this bundle and the tile of the same number under tile/0",
    "altered leaves under a forged checkpoint";

    ROOT_DIFFERS, "ledger-root-differs",
    "記録とタイルは互いに合っていますが、チェックポイントの根と違います",
    "leaves and tiles agree with each other but not with the checkpoint's root",
    "署名の後で台帳全体が作り直されています。保管してあるチェックポイントと記録を証拠として残してください",
    "the whole log was rebuilt after it was signed: keep your checkpoints and copies as evidence",
    "two leaves swapped and all tiles computed anew";

    LEAF_MALFORMED, "ledger-leaf-malformed",
    "記録として読めません",
    "these bytes are not a leaf",
    "この台帳を書いたプログラムの版を確かめてください",
    "check which version of the program wrote this ledger",
    "a leaf with an unknown field";

    LEAF_NOT_CANONICAL, "ledger-leaf-not-canonical",
    "記録が正規の書き方ではありません（同じ内容を別の形で書いています）",
    "the leaf is not written in its canonical form",
    "正規でない記録は意味が一つに定まりません。運用者に説明を求めてください",
    "such a leaf can be read in more than one way: ask the operator to explain",
    "a leaf with a blank after a colon";

    LEAF_VERSION, "ledger-leaf-version",
    "この版の知らない符号化の記録です",
    "the leaf is of an encoding that this version does not know",
    "新しい版の検証プログラムを使ってください",
    "use a newer verifier",
    "a leaf with \"v\":2";

    LEAF_REPEATED, "ledger-leaf-repeated",
    "同じ識別子の記録が二つあります",
    "two leaves bear the same id",
    "先の記録と内容を比べ、運用者に説明を求めてください",
    "compare it with the first and ask the operator to explain",
    "a leaf that was sequenced twice";

    DECISION_UNNAMED, "ledger-decision-unnamed",
    "判断または実施の記録に、どの判断かが書かれていません",
    "a leaf of a decision or of its end does not say which decision it is",
    "運用者に説明を求めてください",
    "ask the operator to explain",
    "a leaf of kind `done` without a decision id";

    DECISION_REPEATED, "ledger-decision-repeated",
    "同じ判断が二度記録されています",
    "the same decision was recorded twice",
    "二つの記録の根拠と期限を比べてください",
    "compare the grounds and expiries of the two",
    "two leaves of kind `decided` with one decision id";

    CLOSED_TWICE, "ledger-closed-twice",
    "既に終わった判断が、もう一度終えられています",
    "a decision that had ended was ended again",
    "一つの判断で二度実施されていないか、件数を運用者に確かめてください",
    "ask the operator whether the deed was done twice on one decision",
    "`done` after `abandoned`";

    CLOSED_UNDECIDED, "ledger-closed-undecided",
    "実施または取りやめの記録より前に、その判断の記録がありません",
    "a deed was done or abandoned with no decision recorded before it",
    "判断を経ずに、または判断より先に実施されたことを示します。最も重い不備の一つです",
    "it was done without a decision or ahead of it: one of the gravest faults there are",
    "`done` before its `decided`";

    EARLIER_UNREADABLE, "ledger-earlier-unreadable",
    "保管していたチェックポイントを検証できません",
    "the checkpoint kept earlier does not verify",
    "正しいファイルか、当時の検証鍵かを確かめてください",
    "check that it is the right file and the verifier key of that time",
    "a kept checkpoint opened and saved by an editor";

    HISTORY_SHRUNK, "ledger-history-shrunk",
    "台帳が、保管していたチェックポイントより短くなっています",
    "the log is shorter than the checkpoint kept earlier says",
    "記録が取り除かれたか、古いバックアップに戻されています。保管していたチェックポイントが証拠です",
    "leaves were removed, or an old backup was put back; the kept checkpoint is the evidence",
    "a ledger restored from last week's backup";

    HISTORY_REWRITTEN, "ledger-history-rewritten",
    "保管していたチェックポイントの時点までの記録が、当時と違います",
    "the leaves up to the checkpoint kept earlier are not those of that time",
    "過去の記録が書き換えられています。二つのチェックポイントはどちらも署名されており、それ自体が証拠になります",
    "the past was rewritten; both checkpoints are signed, and together they prove it",
    "a rebuilt log, signed with the right key";

    DECISION_OVERDUE, "ledger-decision-overdue",
    "期限を過ぎても、実施も取りやめも記録されていない判断があります",
    "a decision is past its expiry and neither done nor abandoned",
    "運用者に、その判断がどう終わったかを確かめてください。台帳の改変ではありません",
    "ask the operator how the decision ended; this is no sign of tampering",
    "a process that died between decision and deed and was never restarted";

    DECISION_LATE, "ledger-decision-late",
    "判断の期限を過ぎてから実施が記録されています",
    "a deed was recorded as done after its decision had expired",
    "期限の後に行われたのか、記録だけが遅れたのかを運用者に確かめてください",
    "ask the operator whether the deed or only its record was late",
    "a recovery that finished a deed the next day";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_said_in_both_languages() {
        let codes: BTreeSet<_> = FAULTS.iter().map(|fault| fault.code).collect();
        assert_eq!(codes.len(), FAULTS.len());
        for fault in FAULTS {
            assert!(fault.code.starts_with("ledger-"));
            assert!(
                !fault.ja.is_ascii() && fault.en.is_ascii() && !fault.help_ja.is_ascii() && fault.help_en.is_ascii()
            );
            assert!(!fault.example.is_empty());
        }
    }
}
