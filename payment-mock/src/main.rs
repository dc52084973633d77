//! `payment-mock`: see the library.

use chassis::clock::Clock;
use chassis::logs::{self, LogConfig};
use chassis::tasks::Tasks;
use clap::Parser as _;
use payment_mock::Settings;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::parse();
    logs::init(LogConfig { filter: settings.log.clone(), ..LogConfig::default() })?;
    let prepared = payment_mock::prepare(settings, Clock::system(), Tasks::new()).await?;
    prepared.run(|url| println!("ready {url}")).await
}
