//! Flags that say where the Vault is and who we are to it.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use switchyard_agent::clock::Clock;
use switchyard_agent::secrets::Secret;
use switchyard_agent::secrets::vault::{Token, Vault, VaultSettings};

/// The variable with the token, which no list of processes shows.
const TOKEN_VARIABLE: &str = "VAULT_TOKEN";

/// A HashiCorp Vault or an OpenBao, by the variables of its own programs.
#[derive(Debug, clap::Args)]
#[group(id = "vault")]
pub struct Args {
    /// The Vault or OpenBao for vault: references, such as https://vault.example.net:8200.
    #[arg(long, env = "VAULT_ADDR", value_name = "URL")]
    vault_address: Option<String>,
    /// File with the token, readable by this user alone and read anew each time; else VAULT_TOKEN holds it.
    #[arg(long, env = "VAULT_TOKEN_FILE", value_name = "FILE", requires = "vault_address")]
    vault_token_file: Option<PathBuf>,
    /// CA of the Vault's certificate, in PEM; the system's otherwise.
    #[arg(long, env = "VAULT_CACERT", value_name = "FILE")]
    vault_cacert: Option<PathBuf>,
    /// The Vault's namespace.
    #[arg(long, env = "VAULT_NAMESPACE", value_name = "NAME")]
    vault_namespace: Option<String>,
}

impl Args {
    /// The Vault, if there is one; says nothing to it yet.
    pub async fn open(self, clock: Arc<dyn Clock>) -> anyhow::Result<Option<Arc<Vault>>> {
        let Some(address) = self.vault_address else { return Ok(None) };
        let token = match (self.vault_token_file, std::env::var(TOKEN_VARIABLE)) {
            (Some(file), _) => Token::File(file),
            (None, Ok(token)) if !token.is_empty() => Token::Text(Secret::new(token)),
            (None, _) => anyhow::bail!(
                "the Vault {address} needs a token: give --vault-token-file FILE, or set {TOKEN_VARIABLE}"
            ),
        };
        if is_readable_on_the_way(&address) {
            tracing::warn!(
                "the Vault {address} is asked without TLS: everybody on the way can read the secrets"
            );
        }
        let settings =
            VaultSettings { address, token, ca: self.vault_cacert, namespace: self.vault_namespace };
        let vault = Vault::new(settings, clock).await;
        vault.map(Some).map_err(|error| anyhow::anyhow!("failed to {error}; {}", error.hint()))
    }
}

fn is_readable_on_the_way(address: &str) -> bool {
    let Some(rest) = address.strip_prefix("http://") else { return false };
    let host = rest.split(['/', ':']).next().unwrap_or_default();
    let loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    !loopback && host != "localhost" && !rest.starts_with("[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_may_be_asked_without_tls_in_silence() {
        for quiet in
            ["https://vault:8200", "http://127.0.0.1:8200", "http://localhost:8200/x", "http://[::1]:8200"]
        {
            assert!(!is_readable_on_the_way(quiet), "{quiet}");
        }
        assert!(is_readable_on_the_way("http://vault.example.net:8200"));
    }
}
