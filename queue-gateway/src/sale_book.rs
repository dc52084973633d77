//! What is known of sales, at most a second old: a thousand joins a millisecond cannot each ask the store. Windows are not
//! judged from here; the join's transaction does that.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use store::events::SaleSettings;
use store::{Store, StoreError};
use tokio::sync::{Mutex, Semaphore};
use uuid::Uuid;

/// Unknown sales asked for at once; made-up identifiers must not take all connections.
const MISSES_AT_ONCE: usize = 4;

/// Settings of sales, kept for a moment.
pub struct SaleBook {
    store: Store,
    max_age: Duration,
    kept_max: usize,
    pages: RwLock<HashMap<Uuid, Page>>,
    misses: Semaphore,
}

#[derive(Clone)]
struct Page {
    /// Nothing where there is no such published sale.
    settings: Option<Arc<SaleSettings>>,
    read_at: Instant,
    /// Held by whoever reads it anew; the others use what is there.
    refresh: Arc<Mutex<()>>,
}

impl SaleBook {
    pub fn new(store: Store, max_age_ms: u64, kept_max: usize) -> Self {
        let max_age = Duration::from_millis(max_age_ms);
        Self { store, max_age, kept_max, pages: RwLock::default(), misses: Semaphore::new(MISSES_AT_ONCE) }
    }

    /// A published sale's settings.
    pub async fn settings(&self, sale: Uuid) -> Result<Option<Arc<SaleSettings>>, StoreError> {
        let Some(page) = self.page(sale) else { return self.first(sale).await };
        if page.read_at.elapsed() < self.max_age {
            return Ok(page.settings);
        }
        let Ok(_refresh) = page.refresh.try_lock() else { return Ok(page.settings) };
        match self.read(sale).await {
            Ok(settings) => Ok(settings),
            // Whoever needs the store will be told by the store.
            Err(fault) if fault.is_away() => Ok(page.settings),
            Err(fault) => Err(fault),
        }
    }

    /// Forgets a sale that was just changed here.
    pub fn forget(&self, sale: Uuid) {
        self.pages.write().unwrap_or_else(PoisonError::into_inner).remove(&sale);
    }

    async fn first(&self, sale: Uuid) -> Result<Option<Arc<SaleSettings>>, StoreError> {
        let _turn = self.misses.acquire().await.map_err(|_| StoreError::Away("stopping".to_owned()))?;
        match self.page(sale) {
            Some(page) => Ok(page.settings),
            None => self.read(sale).await,
        }
    }

    fn page(&self, sale: Uuid) -> Option<Page> {
        self.pages.read().unwrap_or_else(PoisonError::into_inner).get(&sale).cloned()
    }

    async fn read(&self, sale: Uuid) -> Result<Option<Arc<SaleSettings>>, StoreError> {
        let read_at = Instant::now();
        let settings = self.store.sale_settings(sale).await?.map(Arc::new);
        let mut pages = self.pages.write().unwrap_or_else(PoisonError::into_inner);
        if pages.len() >= self.kept_max && !pages.contains_key(&sale) {
            let max_age = self.max_age;
            pages.retain(|_, page| page.read_at.elapsed() < max_age);
        }
        if pages.len() < self.kept_max || pages.contains_key(&sale) {
            let refresh = pages.get(&sale).map(|page| Arc::clone(&page.refresh)).unwrap_or_default();
            pages.insert(sale, Page { settings: settings.clone(), read_at, refresh });
        }
        Ok(settings)
    }
}
