//! What the host keeps of a tool whose component was replaced.

use crate::sim::House;
use libos_kernel::kernel::NewTool;
use libos_kernel::kernel::view::View;
use libos_kernel::model::id::Digest;
use libos_kernel::model::limit;
use libos_kernel::model::rule::Rule;

fn tool(needs: Option<&[&str]>) -> NewTool {
    NewTool {
        name: "counter".into(),
        export: "count".into(),
        summary: "Counts.".into(),
        arguments: "{}".into(),
        result: "{}".into(),
        needs: needs.map(|needs| needs.iter().map(|need| Rule::parse(need).unwrap()).collect()),
        script: None,
    }
}

/// Adds the tool; answers the digest of its component.
fn add(house: &House, component: &[u8], needs: Option<&[&str]>) -> Digest {
    house.kernel.add_tools(component, &["fs".into()], vec![tool(needs)], false).unwrap().what[0].component
}

#[test]
fn a_tool_that_was_replaced_stays_findable_as_it_was() {
    let house = House::new(&[]);
    let old = add(&house, b"old", Some(&["read fs:a/**"]));
    let new = add(&house, b"new", None);
    house.kernel.remove_tool("counter").unwrap();
    let needs = |house: &House, component| {
        let row = house.kernel.tool_version("counter", component).unwrap().unwrap();
        row.needs.map(|needs| needs.iter().map(Rule::to_string).collect::<Vec<_>>())
    };
    assert_eq!(needs(&house, &old), Some(vec!["read fs:a/**".to_owned()]));
    assert_eq!(needs(&house, &new), None);
    assert_eq!(house.kernel.tool_version("other", &old).unwrap(), None);
    assert_eq!(house.kernel.tool_version("counter", &[0; 32]).unwrap(), None);
    let house = house.reopen();
    assert_eq!(needs(&house, &old), Some(vec!["read fs:a/**".to_owned()]));
    let snapshot = house.kernel.snapshot().unwrap();
    assert_eq!(View(&snapshot).tool_version("counter", &new).unwrap().map(|row| row.export), Some("count".into()));
}

#[test]
fn a_tool_declares_a_bounded_number_of_lines() {
    let house = House::new(&[]);
    let add = |lines: usize| {
        let tool = tool(Some(&vec!["read fs:a"; lines]));
        house.kernel.add_tools(b"code", &[], vec![tool], false).map(drop)
    };
    assert!(add(limit::TOOL_NEEDS_MAX).is_ok());
    assert!(add(limit::TOOL_NEEDS_MAX + 1).unwrap_err().to_string().contains("more than 64 lines"));
}
