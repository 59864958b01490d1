//! `noroshi answer`: partners' answers move the ladder.

use std::path::PathBuf;

use clap::Args;
use model::{PartyId, Text};
use serde_json::json;

use super::input::{read_input, write_error_file};
use super::{Done, Failure, Open};
use crate::print::{Console, Sheet};

/// Arguments of `answer`.
#[derive(Args)]
pub struct Answer {
    /// The answer file (record id, outcome code); without one, everything in the inbox folder.
    #[arg(requires = "from")]
    pub file: Option<PathBuf>,
    /// Who answers; needed with a file.
    #[arg(long, requires = "file")]
    pub from: Option<PartyId>,
}

/// Hears.
pub async fn run(open: &Open, answer: Answer, console: &Console) -> Result<Done, Failure> {
    let mut sheet = Sheet::new(&[
        ("files", Text { ja: "ファイル", en: "files" }),
        ("moved", Text { ja: "更新", en: "moved" }),
        ("rejected", Text { ja: "不受理", en: "rejected" }),
    ]);
    let done = match (answer.file, answer.from) {
        (Some(path), Some(from)) => {
            let (name, bytes) = read_input(&path)?;
            let heard = open.house().hear(&open.actor, &from, &name, &bytes).await?;
            console.rejects(&heard.rejected, heard.rejected.len() as u64);
            if let Some(file) = &heard.error_file {
                write_error_file(&path, file, console)?;
            }
            if heard.again {
                console
                    .tell(Text {
                        ja: "この回答ファイルは取込み済みです。", en: "this answer file was heard already"
                    });
            }
            sheet.row(vec![json!(1), json!(heard.moved), json!(heard.rejected.len())]);
            if heard.rejected.is_empty() { Done::All } else { Done::InPart }
        }
        _ => {
            let heard = open.house().hear_inbox(&open.actor).await?;
            console.rejects(&heard.problems, heard.problems.len() as u64);
            sheet.row(vec![json!(heard.files), json!(heard.moved), json!(heard.rejected)]);
            if heard.problems.is_empty() && heard.rejected == 0 { Done::All } else { Done::InPart }
        }
    };
    open.close().await?;
    console.sheet(&sheet)?;
    Ok(done)
}
