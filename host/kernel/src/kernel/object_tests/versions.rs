//! Versions and the pins that hold them.

use super::{House, object};
use crate::model::object::Change;
use crate::store::table::Table;

#[test]
fn what_many_pins_held_is_looked_for_once_and_goes_with_the_last() {
    let house = House::new();
    house.create("a", "1");
    let first = house.pin();
    house.update("a", "2");
    let second = house.pin();
    house.update("a", "3");
    let (pid, mut kept) = (house.pid, Vec::new());
    house.act(|state| {
        state.with_many_pins_gone(|state| {
            for at in [first, second] {
                state.unpin(pid, at).unwrap();
                kept.push(state.scan(Table::ObjectVersion, &[]).unwrap().len());
            }
        });
    });
    assert_eq!((kept, house.kept()), (vec![2, 2], 0));
}

fn differences(differences: Vec<crate::model::object::Difference>) -> Vec<(String, Change)> {
    differences.into_iter().map(|row| (row.name.replace("process/1/", ""), row.change)).collect()
}

#[test]
fn a_pin_shows_objects_as_they_were_whatever_comes_after() {
    let house = House::new();
    for name in ["same", "changed", "deleted", "again"] {
        house.create(name, "1");
    }
    house.update("changed", "2");
    let at = house.pin();
    let before = house.seen(None);
    assert_eq!(before, ["again 1 1", "changed 2 2", "deleted 1 1", "same 1 1"]);
    house.update("changed", "3");
    house.update("changed", "4");
    house.delete("deleted");
    house.delete("again");
    house.create("again", "5");
    house.create("new", "6");
    assert_eq!(house.seen(None), ["again 1 5", "changed 4 4", "new 1 6", "same 1 1"]);
    assert_eq!(house.seen(Some(at)), before);
    let state = house.kernel.lock();
    let read = |name: &str| state.object_read_as_of(object(name).path(), at).unwrap().map(|(info, _)| info.version);
    assert_eq!(["same", "changed", "deleted", "new"].map(read), [Some(1), Some(2), Some(1), None]);
}

#[test]
fn what_no_pin_needs_is_not_kept() {
    let house = House::new();
    house.create("a", "1");
    house.update("a", "2");
    assert_eq!((house.kept(), house.payloads()), (0, 1), "nobody looks back");
    let first = house.pin();
    house.update("a", "3");
    house.update("a", "4");
    assert_eq!((house.kept(), house.payloads()), (1, 2), "only what was there at the pin is kept");
    let (second, same) = (house.pin(), house.pin());
    assert_eq!(second, same);
    house.delete("a");
    assert_eq!((house.kept(), house.payloads()), (2, 2));
    house.unpin(first);
    assert_eq!((house.kept(), house.payloads()), (1, 1));
    house.unpin(second);
    assert_eq!(house.seen(Some(same)), ["a 4 4"], "another pin holds the same moment");
    house.unpin(same);
    assert_eq!((house.kept(), house.payloads()), (0, 0));
}

#[test]
fn what_others_write_is_not_kept_for_a_pin() {
    let house = House::new();
    house.create("process/2/a", "1");
    house.pin();
    house.update("process/2/a", "2");
    assert_eq!(house.kept(), 0, "the pin is on process 1");
}

#[test]
fn pins_and_kept_versions_are_there_after_a_restart() {
    let house = House::new();
    house.create("a", "1");
    let at = house.pin();
    house.update("a", "2");
    house.create("b", "1");
    let later = house.pin();
    house.reopen();
    house.delete("b");
    assert_eq!(house.seen(Some(at)), ["a 1 1"]);
    house.unpin(at);
    assert_eq!(house.seen(Some(later)), ["a 2 2", "b 1 1"]);
    house.unpin(later);
    assert_eq!((house.kept(), house.payloads()), (0, 1));
}

#[test]
fn what_is_brought_back_is_a_new_version_and_numbers_only_grow() {
    let house = House::new();
    for name in ["same", "changed", "deleted", "again"] {
        house.create(name, "1");
    }
    let at = house.pin();
    house.update("changed", "2");
    house.update("changed", "3");
    house.delete("deleted");
    house.delete("again");
    house.create("again", "4");
    house.create("new", "5");
    let author = house.author();
    let wanted = vec![
        ("again".to_owned(), Change::Changed),
        ("changed".to_owned(), Change::Changed),
        ("deleted".to_owned(), Change::Made),
        ("new".to_owned(), Change::Deleted),
    ];
    let namespace = house.namespace();
    let differ = house.kernel.lock().objects_differ(&namespace, None, Some(at)).unwrap();
    assert_eq!(differences(differ), wanted);
    let restored = house.act(|state| state.objects_restore(&namespace, at, author)).unwrap();
    assert_eq!(differences(restored), wanted);
    assert_eq!(house.seen(None), ["again 2 1", "changed 4 1", "deleted 2 1", "same 1 1"]);
    assert_eq!(house.seen(Some(at)), ["again 1 1", "changed 1 1", "deleted 1 1", "same 1 1"]);
    let again = house.act(|state| state.objects_restore(&namespace, at, author)).unwrap();
    assert_eq!(again, [], "what was brought back is what was there");
    assert_eq!(house.seen(None), ["again 2 1", "changed 4 1", "deleted 2 1", "same 1 1"]);
    house.update("changed", "1");
    let differ = house.kernel.lock().objects_differ(&namespace, None, Some(at)).unwrap();
    assert_eq!(differences(differ), [("changed".to_owned(), Change::Changed)], "it was written anew");
}
