//! What is said of the next boot of a device with RESTCONF.

use super::Bench;
use crate::executor::http::RESTCONF;
use crate::simulator::http::Store;
use serde_json::json;
use switchyard_shared::task::Purpose;

const MTU: &str = r#"{"x:system": {"mtu": 9000}}"#;

#[tokio::test]
async fn only_a_device_that_says_it_has_startup_is_said_to_be_saved() {
    for startup in [true, false] {
        let mut store = Store::new(&json!({"x:system": {"mtu": 1500}}));
        store.startup = startup;
        let mut bench = Bench::new(store, RESTCONF).await;
        bench.procedure.commit.save = true;
        for outcome in [bench.apply(MTU).await, bench.attempt(Purpose::Apply, MTU, 2).await] {
            let is_told = outcome.message.contains("not known to be saved for the next boot");
            assert_eq!(is_told, !startup, "{}", outcome.message);
        }
        assert_eq!(bench.device.writes().len(), 1, "there is no word to save it with");
    }
}
