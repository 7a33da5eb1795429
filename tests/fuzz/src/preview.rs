//! What a person sees of a call: nothing that a terminal obeys or that hides.

use crate::draw::Draw;
use libos_kernel::model::preview;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

pub fn run(input: &[u8]) {
    let mut draw = Draw::new(input);
    let call = draw.call();
    for line in preview::lines(&call, None).iter().chain(&preview::whole(&call)) {
        check(line);
    }
    let text = draw.text(200);
    let shown = preview::escape(&text);
    check(&shown);
    assert!(!shown.is_empty() || text.is_empty());
}

fn check(line: &str) {
    for character in line.chars() {
        // What Unicode has not assigned yet is drawn as a box.
        let category = character.general_category();
        let other = character.general_category_group() == GeneralCategoryGroup::Other;
        let hidden =
            (other && category != GeneralCategory::Unassigned) || (character != ' ' && character.is_whitespace());
        assert!(!hidden, "U+{:04X} stands in what a person sees", character as u32);
    }
}
