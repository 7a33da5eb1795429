//! `audit`: the log, whether it is as it was written, and evidence of it to take away.

mod check;
mod take;
mod verify;

pub use check::check_log;

use super::{Context, records};
use crate::args::AuditVerb;
use crate::error::{Failure, code};
use crate::keys::{self, Keys};
use crate::{own, store};
use libos_kernel::model::preview::escape;

/// What to do with a file that stands where a key should be.
const MOVE_AWAY: &str = "close it to others if it is the key after all; else move it away, and put the key back or run `libos audit key --new`";

/// Shows or checks the log.
pub fn run(context: &Context, verb: AuditVerb) -> anyhow::Result<u8> {
    match verb {
        AuditVerb::Show { from } => {
            let (_, snapshot) = context.look()?;
            let rows = records::records(&snapshot, from, usize::MAX)?;
            context.list(&rows, |rows| (records::table(rows), "the log is empty"))?;
            Ok(code::DONE)
        }
        AuditVerb::Verify { witness, key } => verify::run(context, witness.as_deref(), key.as_deref()),
        AuditVerb::Prove { record, out } => take::prove(context, record, out.as_deref()),
        AuditVerb::Check { file, key } => take::check(context, &file, key.as_deref()),
        AuditVerb::Export { dir } => take::export(context, &dir),
        AuditVerb::Key { new } => key(context, new),
    }
}

/// Shows the public key, or makes one where it is gone.
fn key(context: &Context, new: bool) -> anyhow::Result<u8> {
    let place = context.place()?;
    let cannot = |why: String| Failure::cannot(why);
    let keys = Keys::of(&place).map_err(cannot)?;
    let known = store::known_key(&place)?;
    let found = match keys::look(&place) {
        Err(why) if new && own::is_there(&keys.secret()) => {
            return Err(Failure::usage(format!("there is a file that is no key: {why}"))
                .at(keys.secret().display())
                .hint(MOVE_AWAY)
                .into());
        }
        Err(_) if new => keys.make_anew(known.as_deref()),
        Ok(_) if new => {
            return Err(Failure::usage("there is a key already; another one would only make the log harder to check")
                .at(keys.secret().display())
                .hint("move it away first, if nobody is to sign with it any more")
                .into());
        }
        other => other,
    };
    let signer = found.map_err(|why| {
        let is_no_key = own::is_there(&keys.secret());
        cannot(why).at(keys.secret().display()).hint(match &known {
            _ if is_no_key => MOVE_AWAY.to_owned(),
            Some(known) => format!(
                "put the key {known} back, or make a new one: `libos audit key --new`; the log will show the change"
            ),
            None => "the first command that changes something makes it".to_owned(),
        })
    })?;
    let text = signer.key().to_string();
    if context.out.json {
        context.out.value(&serde_json::json!({ "id": text, "file": keys.public(), "store": known }))?;
        return Ok(code::DONE);
    }
    context.out.line(&escape(&text))?;
    if let Some(known) = known.filter(|known| *known != text) {
        eprintln!(
            "the store still names {}; the next command that changes something records the change",
            escape(&known)
        );
    }
    Ok(code::DONE)
}
