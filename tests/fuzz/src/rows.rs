//! Bytes in the place of rows: a value or an error, and a value is the same when it is written and read again.

use libos_kernel::model::answer::Answer;
use libos_kernel::model::call::Call;
use libos_kernel::model::codec::{from_bytes, to_bytes};
use libos_kernel::model::grant::Grant;
use libos_kernel::model::image::Image;
use libos_kernel::model::question::QuestionRow;
use libos_kernel::model::record::Record;
use libos_kernel::model::row::{CallRow, EffectRow, JournalRow, ProcessRow, ToolRow, WaitRow};
use libos_kernel::model::tree::Frontier;
use minicbor::{CborLen, Decode, Encode};
use std::fmt::Debug;

fn same<T>(bytes: &[u8])
where
    T: for<'b> Decode<'b, ()> + Encode<()> + CborLen<()> + PartialEq + Debug,
{
    if let Ok(value) = from_bytes::<T>(bytes) {
        let written = to_bytes(&value);
        assert_eq!(from_bytes::<T>(&written).as_ref(), Ok(&value), "it is not read as it was written");
        // Deterministic: one value, one encoding.
        assert_eq!(to_bytes(&value), written);
    }
}

pub fn run(input: &[u8]) {
    let Some((which, bytes)) = input.split_first() else { return };
    match which % 13 {
        0 => same::<Record>(bytes),
        1 => same::<Call>(bytes),
        2 => same::<Answer>(bytes),
        3 => same::<CallRow>(bytes),
        4 => same::<JournalRow>(bytes),
        5 => same::<EffectRow>(bytes),
        6 => same::<WaitRow>(bytes),
        7 => same::<ToolRow>(bytes),
        8 => same::<ProcessRow>(bytes),
        9 => same::<QuestionRow>(bytes),
        10 => same::<Grant>(bytes),
        11 => same::<Image>(bytes),
        _ => {
            if let Some(frontier) = Frontier::from_bytes(bytes) {
                assert_eq!(frontier.to_bytes(), bytes);
            }
        }
    }
}
