//! Floor 0: pure values and decisions. No input or output, no clock, no randomness; nothing here can fail for a reason outside its
//! arguments.

pub mod answer;
pub mod base64;
pub mod bound;
pub mod call;
pub mod codec;
pub mod decide;
pub mod declaration;
pub mod facility;
pub mod grant;
pub mod history;
pub mod id;
pub mod image;
pub mod index;
pub mod limit;
pub mod lookalike;
pub mod name;
pub mod need;
pub mod note;
pub mod path;
pub mod policy;
pub mod preview;
pub mod process;
pub mod proof;
pub mod proof_file;
pub mod question;
pub mod record;
pub mod reply;
pub mod resource;
pub mod right;
pub mod row;
pub mod rule;
pub mod text;
pub mod time;
pub mod tree;
pub mod witness;
