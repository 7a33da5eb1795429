//! Models: asks the endpoint that a profile of the policy names. The key is read anew for each request and kept nowhere.

use libos_kernel::kernel::Permit;
use libos_kernel::model::ask::Tokens;
use libos_kernel::model::policy::{KeyPlace, ModelApi, ModelProfile, TokenLimitField};
use libos_kernel::world::{Asking, ModelAnswer, ModelTrouble};
use libos_model::profile::{Base, Price, Times, TokenField};
use libos_model::{Api, Client, Key, KeySource, Profile, Request, Started, System, ToolChoice};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// What is asked through: one for a world, made when the first model is asked.
#[derive(Default)]
pub struct Models {
    client: OnceLock<Client>,
    /// Canonical paths of the mounts.
    mounts: Vec<PathBuf>,
    /// What no tool can touch.
    protected: Vec<PathBuf>,
}

impl Models {
    /// `mounts` and `protected` are what tools can reach, and what of it they cannot.
    pub fn new(mounts: &[PathBuf], protected: &[PathBuf]) -> Models {
        let canonical = |paths: &[PathBuf]| paths.iter().filter_map(|path| path.canonicalize().ok()).collect();
        Models { client: OnceLock::new(), mounts: canonical(mounts), protected: canonical(protected) }
    }

    /// Asks, as the permit allows.
    pub fn ask<'a>(&'a self, permit: &'a Permit, profile: &'a ModelProfile, request: &'a str) -> Asking<'a> {
        Box::pin(async move {
            let not_started = |why: String| ModelTrouble::NotStarted(why);
            let name = permit.resource(0).path();
            let request: Request =
                serde_json::from_str(request).map_err(|error| not_started(format!("it is no request: {error}")))?;
            let profile = self.profile(name, profile).map_err(not_started)?;
            let variable = |name: &str| std::env::var(name).ok();
            let key = profile.key.as_ref().map(|source| Key::load(source, variable)).transpose();
            let key = key.map_err(|error| not_started(format!("model:{name}: {error}")))?;
            let client = self.client.get_or_init(|| Client::new(Arc::new(System::new())));
            let effect = permit.idempotency_key().map(|key| key.to_string());
            match client.ask_as(effect.as_deref(), &profile, key.as_ref(), &request, &mut |_| {}).await {
                Ok(answer) => {
                    let tokens = answer.reply.usage.map(|usage| Tokens {
                        input: usage.input,
                        cached_input: usage.cached_input,
                        output: usage.output,
                    });
                    let reply = serde_json::to_string(&answer.reply);
                    let reply = reply.map_err(|error| ModelTrouble::Useless(error.to_string()))?;
                    Ok(ModelAnswer { reply, tokens })
                }
                Err(error) => Err(match error.started {
                    Started::Nothing => ModelTrouble::NotStarted(error.to_string()),
                    Started::Unknown => ModelTrouble::Unknown(error.to_string()),
                    Started::Answered => ModelTrouble::Useless(error.to_string()),
                }),
            }
        })
    }

    /// A profile as the client takes it.
    pub(super) fn profile(&self, name: &str, profile: &ModelProfile) -> Result<Profile, String> {
        let key = profile.key.as_ref().map(|key| match key {
            KeyPlace::Variable(name) => KeySource::Environment(name.clone()),
            KeyPlace::File(path) => KeySource::File(path.clone()),
        });
        if let Some(KeySource::File(path)) = &key {
            self.check_out_of_reach("key", path)?;
        }
        if let Some(path) = &profile.ca_file {
            self.check_out_of_reach("certificate", path)?;
        }
        Ok(Profile {
            name: name.to_owned(),
            base: Base::parse(&profile.base_url)?,
            model: profile.model.clone(),
            api: match profile.api {
                ModelApi::Chat => Api::Chat,
                ModelApi::Responses => Api::Responses,
            },
            key,
            ca_file: profile.ca_file.clone(),
            tools_in_words: profile.tools_in_words,
            tool_choice: if profile.tools_required { ToolChoice::Required } else { ToolChoice::Auto },
            token_field: match profile.token_limit_field {
                TokenLimitField::MaxTokens => TokenField::MaxTokens,
                TokenLimitField::MaxCompletionTokens => TokenField::MaxCompletionTokens,
            },
            times: Times {
                connect: profile.connect_timeout,
                first_byte: profile.first_byte_timeout,
                idle: profile.idle_timeout,
                whole: profile.whole_timeout,
            },
            reply_bytes_max: usize::try_from(profile.reply_bytes).unwrap_or(usize::MAX),
            reply_tokens_max: profile.reply_tokens,
            context_tokens: profile.context_tokens,
            attempts: profile.attempts,
            price: Price {
                input: profile.price_input,
                cached_input: profile.price_cached_input,
                output: profile.price_output,
            },
        })
    }

    /// A file of a key or of certificates that lies in a mount is kept from tools from the start of a host on: by a policy that came later it
    /// is not, and a tool that wrote certificates there could say who the endpoint is.
    fn check_out_of_reach(&self, what: &str, path: &std::path::Path) -> Result<(), String> {
        let Ok(real) = path.canonicalize() else { return Ok(()) };
        if self.mounts.iter().any(|mount| real.starts_with(mount)) && !self.protected.contains(&real) {
            return Err(format!(
                "the {what} file {} lies where tools can reach it; start the host again, or move it",
                path.display()
            ));
        }
        Ok(())
    }
}
