//! Scripts when the component that runs them is another one than before, as after an update of the program.

use crate::artefacts::{exported, replayer};
use libos::kernel::model::call::Approval;
use libos::kernel::model::history::Start;
use libos::kernel::model::id::{Digest, hex};
use libos::{BRIDGE, BRIDGE_DIGEST, Bridge, CallEvent, CallRequest, Code, Runtime, Verdict, Waiting};
use libos_e2e::{Host, result};
use sha2::{Digest as _, Sha256};

const ASKING: &str = r#"
[mounts]
workspace = "."
[image.base]
allow = ["call tool:*"]
ask = ["write fs:workspace/**"]
"#;

const WRITES: &str = r#"
export async function run(args: { path: string }, libos: any) {
  const seen = [Math.random(), Date.now()];
  await libos.fs.write(args.path, new TextEncoder().encode(JSON.stringify(seen)), "create-new");
  return [...seen, Math.random()];
}
"#;

/// The component as another release could have had it: it does the same, and has another digest.
fn older() -> Vec<u8> {
    [BRIDGE, b"\0\x06\x05older"].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_on_with_the_component_that_it_started_with_and_a_replay_says_if_it_had_another() {
    let host = Host::new(ASKING, &[]).await;
    let script = host.add_script("writes.ts", WRITES).await[0].script.unwrap();
    let then: Digest = Sha256::digest(older()).into();
    let imports = host.runtime.kernel().tools()[0].imports.clone();
    host.runtime.kernel().renew_scripts(&older(), &imports).unwrap();
    assert_eq!(host.runtime.kernel().tools()[0].component, then);
    let request = CallRequest { keep: true, ..CallRequest::new("writes", r#"{"path":"a"}"#) };
    let (call, mut events) = host.runtime.start(request).await.unwrap();
    let CallEvent::Waits(Waiting::Question(id)) = Runtime::settle(&mut events).await else { panic!("it does not ask") };

    let host = host.restart().await;
    let tool = host.runtime.kernel().tools()[0].clone();
    assert_eq!((tool.component, tool.script), (*BRIDGE_DIGEST, Some(script)), "what starts now has the new one");
    let seen = result(host.answer(id, Approval::Allow).await);
    let wrote: serde_json::Value = serde_json::from_str(&host.content("a").unwrap()).unwrap();
    assert_eq!(wrote.as_array().unwrap()[..], seen.as_array().unwrap()[..2]);
    host.runtime.kernel().barrier().await.unwrap();
    let history = exported(&host, call);
    assert_eq!((history.start.component, history.start.script), (then, Some(script)), "it has ended with the old one");

    let file = host.runtime.kernel().script(&script).unwrap();
    let differs = Bridge { recorded: hex(&then), replayed: hex(BRIDGE_DIGEST.as_slice()) };
    for (component, bridge) in [(older(), None), (BRIDGE.to_vec(), Some(differs))] {
        let code = |_: &Start, _: usize| Some(Code { component: component.clone(), script: Some(file.clone()) });
        let report = replayer().replay(&history, &code).await.unwrap();
        assert_eq!((&report.verdict, &report.bridge), (&Verdict::Same, &bridge), "{report:#?}");
    }
}
