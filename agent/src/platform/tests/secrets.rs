//! Lines of every platform that hold a secret, whoever configured them: `c4n4ry` is never seen, and the rest is.

use super::*;

/// The secret of every line.
const CANARY: &str = "c4n4ry";

const IOS: &[&str] = &[
    "enable secret 9 c4n4ry",
    "enable password level 15 7 c4n4ry",
    "username bob privilege 15 secret 5 c4n4ry",
    "username bob password 7 c4n4ry",
    " password 7 c4n4ry",
    "snmp-server community c4n4ry RO 10",
    "snmp-server host 192.0.2.1 version 2c c4n4ry",
    "snmp-server host 192.0.2.1 vrf mgmt traps version 3 priv c4n4ry",
    "snmp-server user u g v3 auth sha c4n4ry priv aes 128 c4n4ry",
    "tacacs-server key 7 c4n4ry",
    "tacacs-server host 192.0.2.1 timeout 3 key c4n4ry",
    "radius-server host 192.0.2.1 auth-port 1812 key 7 c4n4ry",
    " key c4n4ry",
    " key 7 c4n4ry",
    " server-private 192.0.2.1 timeout 2 key 7 c4n4ry",
    "crypto isakmp key c4n4ry address 192.0.2.1",
    "crypto isakmp key 6 c4n4ry address 0.0.0.0",
    " pre-shared-key c4n4ry",
    " pre-shared-key local c4n4ry",
    " pre-shared-key address 0.0.0.0 0.0.0.0 key c4n4ry",
    "ntp authentication-key 1 md5 c4n4ry 7",
    "ntp authentication-key 1 hmac-sha2-256 c4n4ry",
    " ip ospf authentication-key 7 c4n4ry",
    " ip ospf authentication-key c4n4ry",
    " ip ospf message-digest-key 1 md5 7 c4n4ry",
    " area 1 virtual-link 192.0.2.1 message-digest-key 1 md5 c4n4ry",
    " area 1 virtual-link 192.0.2.1 authentication-key c4n4ry",
    "  key-string 7 c4n4ry",
    " neighbor 192.0.2.2 password 7 c4n4ry",
    " isis password c4n4ry level-2",
    " area-password c4n4ry",
    " ppp chap password 0 c4n4ry",
    " standby 1 authentication c4n4ry",
    " standby 1 authentication md5 key-string 7 c4n4ry",
    " vrrp 1 authentication text c4n4ry",
    " wpa-psk ascii 0 c4n4ry",
];
const NXOS: &[&str] = &[
    "username admin password 5 c4n4ry role network-admin",
    "snmp-server community c4n4ry group network-operator",
    "snmp-server host 192.0.2.1 traps version 2c c4n4ry",
    "snmp-server user admin network-admin auth md5 c4n4ry priv c4n4ry localizedkey",
    "snmp-server user admin network-admin auth sha c4n4ry priv aes-128 c4n4ry localizedkey",
    "tacacs-server key 7 \"c4n4ry\"",
    "radius-server host 192.0.2.1 key 7 \"c4n4ry\" authentication accounting",
    "ntp authentication-key 1 md5 c4n4ry 7",
    "  key-string 7 c4n4ry",
    "  ip ospf authentication-key 3 c4n4ry",
    "  ip ospf message-digest-key 1 md5 3 c4n4ry",
    "    password 3 c4n4ry",
    "    authentication text c4n4ry",
];
const EOS: &[&str] = &[
    "username admin privilege 15 role network-admin secret sha512 c4n4ry",
    "enable password sha512 c4n4ry",
    "enable secret 5 c4n4ry",
    "snmp-server community c4n4ry ro",
    "snmp-server host 192.0.2.1 version 2c c4n4ry",
    "snmp-server user u g v3 auth sha c4n4ry priv aes c4n4ry",
    "tacacs-server key 7 c4n4ry",
    "tacacs-server host 192.0.2.1 timeout 5 key 7 c4n4ry",
    "radius-server host 192.0.2.1 vrf mgmt key 7 c4n4ry",
    "ntp authentication-key 1 md5 7 c4n4ry",
    "ntp authentication-key 1 sha1 8a c4n4ry",
    "   ip ospf authentication-key 7 c4n4ry",
    "   ip ospf message-digest-key 1 md5 7 c4n4ry",
    "   ip ospf message-digest-key 1 sha512 8a c4n4ry",
    "   neighbor 192.0.2.2 password 7 c4n4ry",
    "   authentication key 7 c4n4ry level-2",
    "   isis authentication key c4n4ry",
    "   key 0abc 7 c4n4ry",
    "   shared-key 7 c4n4ry",
    "   vrrp 1 peer authentication text 7 c4n4ry",
];
const JUNOS: &[&str] = &[
    "set system root-authentication encrypted-password \"$6$c4n4ry\"",
    "set system login user bob authentication encrypted-password c4n4ry",
    "set system radius-server 192.0.2.1 secret \"$9$c4n4ry\"",
    "set system tacplus-server 192.0.2.1 secret c4n4ry",
    "set system ntp authentication-key 1 type md5 value \"c4n4ry\"",
    "set system ntp authentication-key 1 value c4n4ry",
    "set system archival configuration archive-sites \"ftp://u@h\" password \"$9$c4n4ry\"",
    "set snmp community c4n4ry authorization read-only",
    "set snmp v3 snmp-community i community-name \"c4n4ry\"",
    "set snmp v3 usm local-engine user u authentication-md5 authentication-key \"c4n4ry\"",
    "set snmp v3 usm local-engine user u privacy-aes128 privacy-key \"c4n4ry\"",
    "set snmp v3 usm local-engine user u privacy-aes128 privacy-password c4n4ry",
    "set protocols bgp group x authentication-key \"c4n4ry\"",
    "set protocols ospf area 0 interface ge-0/0/0 authentication md5 1 key \"c4n4ry\"",
    "set protocols ospf area 0 interface ge-0/0/0 authentication md5 1 key c4n4ry",
    "set protocols ospf area 0 interface ge-0/0/0 authentication simple-password \"c4n4ry\"",
    "set protocols isis interface ge-0/0/0 level 2 hello-authentication-key c4n4ry",
    "set security ike policy p pre-shared-key ascii-text \"c4n4ry\"",
    "set security ike policy p pre-shared-key hexadecimal c4n4ry",
    "set security authentication-key-chains key-chain c key 0 secret \"c4n4ry\"",
    "set interfaces pp0 unit 0 ppp-options pap local-password \"c4n4ry\"",
    "set interfaces pp0 unit 0 ppp-options chap default-chap-secret c4n4ry",
    "set interfaces ge-0/0/0 unit 0 family inet address 192.0.2.1/24 vrrp-group 1 authentication-key c4n4ry",
    "set access radius-server 192.0.2.1 something-new \"$9$c4n4ry\"",
];
const SRL: &[&str] = &[
    "set / system aaa authentication admin-user password c4n4ry",
    "set / system aaa server-group g server 192.0.2.1 radius secret-key c4n4ry",
    "set / system aaa server-group g server 192.0.2.1 tacacs secret-key \"c4n4ry\"",
    "set / system authentication keychain k key 1 authentication-key c4n4ry",
    "set / system snmp access-group g security-level no-auth community c4n4ry",
    "set / network-instance default protocols bgp group x authentication password c4n4ry",
    "set / system ntp keychain shared-secret c4n4ry",
    "set / system tls server-profile x key \"-----BEGIN c4n4ry\"",
];
const FRR: &[&str] = &[
    "password c4n4ry",
    "enable password 8 c4n4ry",
    " neighbor 192.0.2.2 password c4n4ry",
    " ip ospf authentication-key c4n4ry",
    " ip ospf message-digest-key 1 md5 c4n4ry",
    " area 1 virtual-link 192.0.2.1 message-digest-key 1 md5 c4n4ry",
    " area 1 virtual-link 192.0.2.1 authentication-key c4n4ry",
    "  key-string c4n4ry",
    " ip rip authentication string c4n4ry",
    " isis password md5 c4n4ry",
    " isis password clear c4n4ry",
    " area-password md5 c4n4ry",
    " domain-password clear c4n4ry",
    " ip nhrp authentication c4n4ry",
    " neighbor 192.0.2.1 password c4n4ry",
];

const TABLE: &[(&str, &[&str])] = &[
    ("cisco_ios", IOS),
    ("cisco_nxos", NXOS),
    ("arista_eos", EOS),
    ("juniper_junos", JUNOS),
    ("nokia_srlinux", SRL),
    ("frr", FRR),
];

/// Lines without a secret, of any platform.
const PLAIN: &[&str] = &[
    "service password-encryption",
    "key chain ospf",
    " key 1",
    " ip ospf authentication key-chain ospf",
    " standby 1 authentication md5 key-chain ospf",
    "ntp trusted-key 1",
    "aaa authentication login default group tacacs+ local",
    " description the key to it all",
    "set system services ssh key-exchange ecdh-sha2-nistp256",
    "set protocols ospf area 0 interface ge-0/0/0 metric 10",
    "set / system ntp server 192.0.2.1",
    "interface Ethernet1",
];

#[test]
fn no_secret_of_any_platform_is_shown_whoever_configured_it() {
    let platforms = Platforms::built_in();
    let mut shown = Vec::new();
    for (name, lines) in TABLE {
        let platform = platforms.get(name).expect("a platform");
        for line in *lines {
            for sign in ["", "+", "-", "+ "] {
                let hidden = platform.redact(&format!("{sign}{line}"));
                let command = line.trim_start().split(' ').next().expect("a word");
                if hidden.contains(CANARY) || !hidden.contains(HIDDEN) || !hidden.contains(command) {
                    shown.push(format!("{name}: {hidden}"));
                }
            }
        }
    }
    assert!(shown.is_empty(), "{shown:#?}");
}

#[test]
fn what_is_no_secret_is_shown() {
    let platforms = Platforms::built_in();
    for (name, _) in TABLE {
        for line in PLAIN {
            assert_eq!(platforms.get(name).expect("a platform").redact(line), *line, "{name}");
        }
    }
}
