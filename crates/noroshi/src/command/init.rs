//! `noroshi init`: a new deployment.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use disk::{Disk, RealDisk};
use exchange::problem::HOME_TAKEN;
use keys::{Keyring, WrappingKey};
use model::party::Role;
use model::problem::{Place, Problem};
use model::{Lang, PartyId, Text};
use store::Store;

use super::{Done, Failure};
use crate::print::Console;
use crate::settings::{FILE, Settings};
use crate::start::{World, keys_folder, start};

/// Arguments of `init`.
#[derive(Args)]
pub struct Init {
    /// Whose deployment it is: the party's id in the roster, such as `clearing-house` or `isp-hokuto`.
    #[arg(long)]
    pub party: PartyId,
    /// A hub is a clearing-house, a node an operator.
    #[arg(long, value_parser = role())]
    pub role: Role,
    /// A folder that is shared with the others: the folder in it that bears a party's id is that party's inbox.
    #[arg(long)]
    pub drop: Option<PathBuf>,
    /// For exercises: addresses of ranges for documentation and tests count as ordinary.
    #[arg(long)]
    pub exercise: bool,
}

/// The roles that have a deployment, also by what their deployments are called.
fn role() -> impl TypedValueParser<Value = Role> {
    let roles = [PossibleValue::new("clearing-house").alias("hub"), PossibleValue::new("operator").alias("node")];
    PossibleValuesParser::new(roles).map(|name| match name.as_str() {
        "clearing-house" | "hub" => Role::ClearingHouse,
        _ => Role::Operator,
    })
}

/// What `init` was told beyond party and role.
#[derive(Default)]
pub struct More {
    /// The folder that is shared with the others; absolute.
    pub drop: Option<PathBuf>,
    /// Whether it is for exercises.
    pub exercise: bool,
}

/// The settings file of a new deployment.
pub fn settings_text(party: &PartyId, role: Role, lang: Lang, more: &More) -> String {
    let language = if lang == Lang::Ja { "ja" } else { "en" };
    let mut text = format!(
        "# 設定の説明は docs/manual/operator.ja.md にあります。知らないキーがあると起動しません。\n\
         # The settings are explained in docs/manual/operator.en.md. A key that is not known stops the start.\n\n\
         [house]\nparty = \"{party}\"\nlanguage = \"{language}\"\nzone = \"Asia/Tokyo\"\n"
    );
    if more.exercise {
        text += "# 演習用: 文書用・試験用のアドレスも通常のものとして扱います。 / For exercises only.\n\
                 ordinary_ranges = [\"benchmarking\", \"documentation\"]\n";
    }
    if let Some(drop) = &more.drop {
        // Quoted as TOML quotes, whatever the folder is called.
        let quoted = |path: &Path| toml::Value::String(path.to_string_lossy().into_owned()).to_string();
        text += &format!(
            "# 他の組織と共有するフォルダー。 / The folder that is shared with the others.\n\
             deliveries = {}\ninbox = {}\n",
            quoted(drop),
            quoted(&drop.join(party.as_str()))
        );
    }
    if role == Role::Operator {
        text += &format!(
            "\n# 契約者への通知の差出人。 / Who writes to subscribers.\n\
             # way = \"eml\" は mail/ にファイルとして書き出します（送信しません）。 / \"eml\" writes files to mail/ and sends nothing.\n\
             [house.notice_from]\nmail = \"abuse@{party}.example.org\"\nname = \"ネットワーク安全担当\"\nway = \"eml\"\n\n\
             # 契約約款による同意。当てはまるものだけ true に（弁護士に確認）。\n\
             # Consent by contract terms; set true only what holds (ask your lawyer).\n\
             # [house.terms_consent]\n# reference = \"約款 第○条\"\n# users_would_agree = false\n# explained = false\n\
             # same_terms_if_refused = false\n# changeable_any_time = false\n# minimum_data = false\n"
        );
    }
    text += "\n# メールの送信。 / Mail.\n# [courier]\n# from = \"name <desk@example.org>\"\n# [courier.smtp]\n# host = \"mail.example.org\"\n";
    text
}

/// Makes the deployment.
pub async fn run(home: &Path, init: Init, console: &Console) -> Result<Done, Failure> {
    if home.join(FILE).exists() {
        return Err(Problem::new(&HOME_TAKEN, Place::file(home.display().to_string())).into());
    }
    let drop = init.drop.map(|drop| std::path::absolute(&drop).map_err(|error| Failure::file(&drop, &error)));
    let more = More { drop: drop.transpose()?, exercise: init.exercise };
    let text = settings_text(&init.party, init.role, console.lang(), &more);
    found(home, &init.party, init.role, &text, World::real()).await?;
    console.say(&match console.lang() {
        Lang::Ja => format!(
            "{home} に {} の設置を作りました。設定は {home}/{FILE} にあります。\n\
             注意: {home}/keys と {home}/wrapping.key は鍵です。通常のバックアップに含めず、別に保管してください。",
            init.party,
            home = home.display()
        ),
        Lang::En => format!(
            "made a deployment of {} in {home}; its settings are in {home}/{FILE}\n\
             note: {home}/keys and {home}/wrapping.key are the keys; keep them out of ordinary backups, and a copy of each apart",
            init.party,
            home = home.display()
        ),
    });
    console.next(Text { ja: "party import 名簿.toml", en: "party import roster.toml" }.of(console.lang()));
    Ok(Done::All)
}

/// Writes keys, state and settings. The settings come last, so that half a deployment is none, and whoever does it again goes on
/// with the keys and the state that are there.
pub async fn found(home: &Path, party: &PartyId, role: Role, text: &str, world: World) -> Result<(), Failure> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(world.faults.clone(), world.care));
    let place = home.join("wrapping.key");
    let wrapping = match disk.read(&place) {
        Ok(bytes) => WrappingKey::from_bytes(&bytes)?,
        Err(error) if error.is_not_found() => {
            let wrapping = WrappingKey::generate(&*world.entropy);
            disk.write_secret(&place, wrapping.to_base64().as_bytes())?;
            wrapping
        }
        Err(error) => return Err(error.into()),
    };
    match Keyring::create(disk.clone(), &keys_folder(home), wrapping, world.entropy.clone()) {
        Ok(_) | Err(keys::KeyError::KeyringExists { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let started = start(home, Settings::of_text(text)?, world).await?;
    let store: &Store = &started.house.store;
    match store::meta::founding(store).await? {
        Some(before) if before.party != *party => {
            return Err(Problem::new(&HOME_TAKEN, Place::file(home.display().to_string())).into());
        }
        Some(_) => {}
        None => {
            let founding = store::meta::Founding { party: party.clone(), role, at: started.house.clock.now() };
            let mut tx = store.begin("init::found").await?;
            store::meta::found(&mut tx, &founding).await?;
            tx.commit().await?;
        }
    }
    disk.write_durably(&home.join(FILE), text.as_bytes())?;
    Ok(())
}
