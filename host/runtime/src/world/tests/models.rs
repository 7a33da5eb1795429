//! Files that a profile of a model names are used only where no tool can reach them.

use super::super::models::Models;
use super::Sandbox;
use libos_kernel::model::policy::Policy;

#[test]
fn a_file_of_a_profile_that_tools_can_reach_is_not_used() {
    let sandbox = Sandbox::new();
    sandbox.file("mount/file", "x");
    sandbox.file("outside/file", "x");
    let (mount, inside, outside) = (sandbox.path("mount"), sandbox.path("mount/file"), sandbox.path("outside/file"));
    for key in ["key-file", "ca-file"] {
        for (file, protected, is_used) in
            [(&outside, &[][..], true), (&inside, &[], false), (&inside, std::slice::from_ref(&inside), true)]
        {
            let file = file.display();
            let text = format!("[model.m]\nbase-url = \"https://a/v1\"\nmodel = \"m\"\n{key} = \"{file}\"\n");
            let policy = Policy::parse(&text).unwrap();
            let found = Models::new(std::slice::from_ref(&mount), protected).profile("m", &policy.models["m"]);
            assert_eq!(found.is_ok(), is_used, "{key} = {file}: {found:?}");
        }
    }
}
