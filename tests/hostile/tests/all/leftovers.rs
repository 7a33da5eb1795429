//! What one call leaves in memory, the next one in the same place does not see.

use crate::house::{ALONE, add, call, component, host};

/// Calls that leave something, and as many that look.
const CALLS: usize = 150;

/// Fills 32 MiB of memory and a table, and ends: well, or by a trap, so that both ways to end are cleaned up after.
const LEAVES: &str = r#"
(table $t 1 funcref)
(global $g (mut i64) (i64.const 0))
(elem declare func $call)
(func $call (param i32 i32 i32 i32) (result i32)
  (if (i32.lt_s (memory.grow (i32.const 512)) (i32.const 0)) (then unreachable))
  (memory.fill (i32.const 65536) (i32.const 0xa7) (i32.const 33554432))
  (drop (table.grow $t (ref.func $call) (i32.const 1000)))
  (global.set $g (i64.const 0x5ec2e7))
  (if (i32.eqz (i32.and (i32.wrap_i64 (call $monotonic)) (i32.const 1))) (then unreachable))
  (i32.const 128))
"#;

/// Traps if anything is in memory that was grown, in a table that was grown, or in a global.
const LOOKS: &str = r#"
(table $t 1 funcref)
(global $g (mut i64) (i64.const 0))
(func $call (param i32 i32 i32 i32) (result i32) (local $at i32) (local $seen i64)
  (if (i32.lt_s (memory.grow (i32.const 512)) (i32.const 0)) (then unreachable))
  (local.set $at (i32.const 131072))
  (loop $l
    (local.set $seen (i64.or (local.get $seen) (i64.load (local.get $at))))
    (local.set $at (i32.add (local.get $at) (i32.const 8)))
    (br_if $l (i32.lt_u (local.get $at) (i32.const 33685504))))
  (if (i64.ne (i64.or (local.get $seen) (global.get $g)) (i64.const 0)) (then unreachable))
  (drop (table.grow $t (ref.null func) (i32.const 1000)))
  (if (i32.eqz (ref.is_null (table.get $t (i32.const 0)))) (then unreachable))
  (i32.const 128))
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_sees_what_another_one_left_in_memory() {
    let _alone = ALONE.lock().await;
    let host = host().await;
    add(&host, Some("leaves"), component(LEAVES)).await.unwrap();
    add(&host, Some("looks"), component(LOOKS)).await.unwrap();
    // One that looks sees what is there.
    let dirty = LOOKS.replacen(
        "(local.set $at (i32.const 131072))",
        "(i32.store8 (i32.const 33000000) (i32.const 1)) (local.set $at (i32.const 131072))",
        1,
    );
    add(&host, Some("sees"), component(&dirty)).await.unwrap();
    assert_eq!(call(&host.runtime, "sees").await.0, "trap");
    let mut looked = 0;
    for number in 0..CALLS {
        let (left, looks) = tokio::join!(call(&host.runtime, "leaves"), call(&host.runtime, "looks"));
        assert!(left.0 == "done" || left.0 == "trap", "{number}: {left:?}");
        assert_eq!(looks.0, "done", "{number}: {looks:?}");
        looked += 1;
        let looks = call(&host.runtime, "looks").await;
        assert_eq!(looks.0, "done", "{number}: {looks:?}");
    }
    assert_eq!(looked, CALLS);
}
