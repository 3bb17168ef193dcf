//! What the fleet as a whole promises.

use super::*;
use std::time::Duration;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[tokio::test]
async fn a_fleet_writes_the_inventory_that_reaches_it() {
    let folder = folder();
    let mut config = FleetConfig::new(folder.path(), 3);
    config.sites = parse_sites("ams:1-2,lon:3").expect("sites");
    let fleet = Fleet::start(config).await.expect("a fleet");
    let inventory = fleet.inventory_yaml();
    let written = files::read(&folder.path().join("inventory.yaml"), 1 << 20).expect("a file");
    assert_eq!(written.as_deref(), Some(inventory.as_bytes()));
    let port = fleet.address(3).expect("a device").port();
    let line = format!("  dev003: {{hostname: 127.10.0.3, port: {port}, site: lon}}\n");
    assert!(inventory.contains(&line), "{inventory}");
    assert!(inventory.contains(fleet.host_key()) && inventory.contains(fleet.credential_ref()));
}

#[tokio::test]
async fn modes_change_over_the_control_socket_while_the_fleet_runs() {
    let folder = folder();
    let fleet = Fleet::start(FleetConfig::new(folder.path(), 3)).await.expect("a fleet");
    let address = fleet.address(2).expect("a device");
    let order = |text: &str| text.parse::<Fault>().expect("a fault");
    let answer = send_order(folder.path(), &order("refuse:2-3")).await.expect("an answer");
    assert_eq!(answer, "2 devices are refuse now");
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    send_order(folder.path(), &order("good:2")).await.expect("an answer");
    assert!(tokio::net::TcpStream::connect(address).await.is_ok());
    let error = send_order(folder.path(), &order("hang:4")).await.expect_err("there are three");
    assert_eq!(error.to_string(), "failed to find device 4: there are 3");
}

#[tokio::test]
async fn orders_to_a_folder_where_nothing_runs_say_how_to_start_it() {
    let folder = folder();
    let fault = "hang:1".parse().expect("a fault");
    let error = send_order(folder.path(), &fault).await.expect_err("nothing runs");
    assert!(error.to_string().contains("switchyard-agent simulate --data"), "{error}");
}

#[tokio::test]
async fn one_folder_has_one_simulator() {
    let folder = folder();
    let _fleet = Fleet::start(FleetConfig::new(folder.path(), 1)).await.expect("a fleet");
    let second = Fleet::start(FleetConfig::new(folder.path(), 1)).await;
    assert!(matches!(second, Err(FleetError::Running(_))));
}

#[tokio::test]
async fn a_fleet_keeps_its_keys_and_counts_between_runs() {
    let folder = folder();
    let first = Fleet::start(FleetConfig::new(folder.path(), 1)).await.expect("a fleet");
    let (key, address) = (first.host_key().to_owned(), first.address(1).expect("a device"));
    drop(tokio::net::TcpStream::connect(address).await.expect("a connection"));
    until(|| first.contacts(1) == 1).await;
    drop(first);
    let second = loop {
        match Fleet::start(FleetConfig::new(folder.path(), 1)).await {
            Err(FleetError::Running(_)) => tokio::task::yield_now().await,
            other => break other.expect("a fleet"),
        }
    };
    assert_eq!((second.host_key(), second.contacts(1)), (key.as_str(), 1));
}

#[tokio::test]
async fn what_cannot_be_simulated_is_refused() {
    let folder = folder();
    let try_with = async |change: fn(&mut FleetConfig)| {
        let mut config = FleetConfig::new(folder.path(), 2);
        change(&mut config);
        Fleet::start(config).await.err().expect("a refusal")
    };
    assert!(matches!(try_with(|c| c.devices = 0).await, FleetError::Count(0)));
    assert!(matches!(try_with(|c| c.address = [10, 0, 0, 1].into()).await, FleetError::Address(_)));
    assert!(matches!(try_with(|c| c.address = [127, 255, 255, 254].into()).await, FleetError::Address(_)));
    let fault: fn(&mut FleetConfig) = |c| c.faults = vec!["hang:3".parse().expect("a fault")];
    assert!(matches!(try_with(fault).await, FleetError::NoDevice(3, 2)));
    let sites: fn(&mut FleetConfig) = |c| c.sites = parse_sites("ams:1").expect("sites");
    assert!(matches!(try_with(sites).await, FleetError::Sites(_)));
}

async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("the condition holds in time");
}
